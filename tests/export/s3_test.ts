import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { type ExportPlace, readText, writeText } from "../../src/export/place.ts";
import { openS3Place } from "../../src/export/s3/place.ts";
import { readS3Address } from "../../src/export/s3/address.ts";
import { createRequests, S3Error } from "../../src/export/s3/requests.ts";
import { csvFile } from "../support/bars.ts";
import { findGofakes3, findMoto, type S3Server, startGofakes3, startMoto, startS3rver } from "../support/s3.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const gofakes3 = await findGofakes3();
const moto = await findMoto();
const server = await startSharedServer();
const servers: [name: string, missing: string | undefined, start: (directory: string) => Promise<S3Server>][] = [
  ["s3rver", undefined, startS3rver],
  ["gofakes3", gofakes3 === undefined ? "there is no Go to build gofakes3" : undefined, () => startGofakes3(gofakes3!)],
  ["moto", moto === undefined ? "there is no Python with venv" : undefined, () => startMoto(moto!)],
];
const open = (address: string, variables: Readonly<Record<string, string>>) =>
  openS3Place(readS3Address(address, (name) => variables[name]), { partBytes: PART_BYTES });
/** The least that servers take. */
const PART_BYTES = 5 * 1024 * 1024;
const digestOf = async (place: ExportPlace, path: string) => {
  const hash = createHash("sha256");
  for await (const chunk of (await place.open(path))!) hash.update(chunk);
  return hash.digest("hex");
};

for (const [name, missing, start] of servers) {
  testWhere(missing, `${name} takes objects of one request and of parts, whole or not at all`, async () => {
    const directory = await Deno.makeTempDir();
    await using s3 = await start(directory);
    const place = open("s3://market/a prefix/x+y", s3.variables);
    assertEquals([place.label, await place.findAny()], ["s3://market/a prefix/x+y", undefined]);
    const path = "date=2024-01-02/symbol=BRK%2FB ÄÖ+&'()*/part-0.csv";
    await writeText(place, path, "text");
    assertEquals([await readText(place, path), await readText(place, "none")], ["text", undefined]);
    assertEquals(await place.findAny(), `a prefix/x+y/${path}`);
    assertEquals(await open("s3://market/a", s3.variables).findAny(), undefined);

    // Three parts, the last one short.
    const piece = crypto.getRandomValues(new Uint8Array(65_536));
    const hash = createHash("sha256");
    const file = await place.create("large");
    for (let count = 0; count < 170; count++) {
      await file.write(piece);
      hash.update(piece);
    }
    assertEquals(await place.open("large"), undefined);
    await file.commit();
    assertEquals(await digestOf(place, "large"), hash.digest("hex"));

    const given = await place.create("given up");
    for (let count = 0; count < 100; count++) await given.write(piece);
    await given.discard();
    assertEquals(await place.open("given up"), undefined);

    await assertRejects(
      () => open("s3://elsewhere/x", s3.variables).findAny(),
      S3Error,
      "NoSuchBucket",
    );
    await Deno.remove(directory, { recursive: true });
  });
}

testWhere(
  moto === undefined ? "there is no Python with venv" : undefined,
  "a server that checks signatures refuses a wrong secret at once",
  async () => {
    await using s3 = await startMoto(moto!);
    const place = open("s3://market", { ...s3.variables, AWS_SECRET_ACCESS_KEY: "wrong" });
    await assertRejects(() => place.findAny(), S3Error, "SignatureDoesNotMatch");
  },
);

testWhere(
  gofakes3 === undefined ? "there is no Go" : undefined,
  "the bucket may be a part of the host's name",
  async () => {
    await using s3 = await startGofakes3(gofakes3!);
    await using work = await openWorkspace(server);
    const loaded = await work.ingest(["--file", await work.write("bars.csv", csvFile(30))]);
    assertEquals(loaded.code, 0, loaded.stderr);
    // No host of that name is there: the server takes what a proxy would.
    const env = { ...s3.variables, AWS_ENDPOINT_URL: "http://s3.test", HTTP_PROXY: s3.url };
    const command = ["export", "--database", work.database, "--data-dir", work.dataDir, "--json"];
    const output = ["--output", "s3://market/bars?style=virtual"];
    const exported = await work.run([...command, ...output], { env });
    assertEquals(
      [exported.code, exported.json?.output, exported.json?.rows],
      [0, "s3://market/bars", 30],
      exported.stderr,
    );
    const there = open("s3://market/bars", s3.variables);
    assertEquals(JSON.parse((await readText(there, "_manifest.json"))!).rows, 30);
    const again = await work.run([...command, ...output], { env });
    assertEquals([again.json?.kept, again.json?.written.files], [1, 0], again.stderr);
    const other = await work.run([...command, ...output, "--format", "csv"], { env });
    assertEquals(other.code, 2);
    assertStringIncludes(other.stderr, "it has another export, its format");
    const keyless = await work.run([...command, ...output], { env: { AWS_ENDPOINT_URL: s3.url } });
    assertEquals(keyless.code, 2);
    assertStringIncludes(keyless.stderr, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  },
);

Deno.test("a request is sent again where the server is away or busy, and not where it refuses", async () => {
  const answers = [503, 429, 500, 200, 403];
  const bodies: string[] = [];
  await using fake = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    bodies.push(await request.text());
    return new Response("<Error><Code>SlowDown</Code></Error>", { status: answers.shift() });
  });
  const target = readS3Address("s3://market", (name) =>
    ({
      AWS_ENDPOINT_URL: `http://127.0.0.1:${fake.addr.port}`,
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
    })[name]);
  const requests = createRequests(target, 1);
  const put = { method: "PUT", key: "x", body: new TextEncoder().encode("body") } as const;
  assertEquals(await (await requests.send(put)).text() !== "", true);
  assertEquals(bodies, ["body", "body", "body", "body"]);
  await assertRejects(() => requests.send(put), S3Error, 'Cannot PUT "x" in bucket "market": SlowDown');
  assertEquals(bodies.length, 5);
});

Deno.test("an address of S3 is read with the usual variables, and a wrong one is refused", () => {
  const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
  const read = (address: string, more: Record<string, string> = {}) =>
    readS3Address(address, (name) => ({ ...keys, ...more } as Record<string, string>)[name]);
  const base = (address: string, more?: Record<string, string>) => read(address, more).base;
  assertEquals(base("s3://market"), "https://market.s3.us-east-1.amazonaws.com");
  assertEquals(base("s3://market", { AWS_REGION: "eu-west-1" }), "https://market.s3.eu-west-1.amazonaws.com");
  assertEquals(base("s3://my.market/x"), "https://s3.us-east-1.amazonaws.com/my.market");
  assertEquals(base("s3://market/x?style=path"), "https://s3.us-east-1.amazonaws.com/market");
  const elsewhere = { AWS_ENDPOINT_URL: "http://h:9000/", AWS_ENDPOINT_URL_S3: "https://s3.h/below/" };
  assertEquals(base("s3://market/x", elsewhere), "https://s3.h/below/market");
  assertEquals(base("s3://market/x?style=virtual", elsewhere), "https://market.s3.h/below");
  assertEquals(read("s3://market//a/b/", { AWS_SESSION_TOKEN: "t" }).prefix, "a/b");
  assertEquals(read("s3://market", { AWS_SESSION_TOKEN: "t" }).sessionToken, "t");
  assertThrows(() => read("s3://"), RangeError, "expected s3://BUCKET/PREFIX");
  assertThrows(() => read("s3://Market"), RangeError, "expected s3://BUCKET/PREFIX");
  assertThrows(() => read("s3://market/x?style=other"), RangeError, "expected ?style=path, ?style=virtual");
  assertThrows(() => read("s3://market", { AWS_ENDPOINT_URL: "h:9000" }), RangeError, 'current value is "h:9000"');
  assertThrows(() => readS3Address("s3://market", () => undefined), RangeError, "set AWS_ACCESS_KEY_ID");
});

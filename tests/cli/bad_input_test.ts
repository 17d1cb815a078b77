import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { csvFile, csvLine, gzip, HEADER } from "../support/bars.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { assertBalances } from "./scenarios.ts";

const server = await startSharedServer();

/** What begins like gzip, and is none. */
const damaged = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(csvFile(3))]);

/** Files whose content cannot be read at all: the message wanted of each. */
const unreadable: Record<string, { content: string | Uint8Array; says: RegExp }> = {
  "empty.csv": { content: "", says: /"[^"]*empty\.csv": it is empty, expected a header or a JSON object of a bar/ },
  "lacking.csv": {
    content: "symbol,ts,open\n",
    says: /header lacks high, low, close, volume\. Its first line is "symbol,ts,open": add --column high=NAME/,
  },
  "junk.csv": {
    content: crypto.getRandomValues(new Uint8Array(50_000)),
    says: /header lacks symbol, ts, open.*: add --format NAME/,
  },
  "wrong.csv.gz": { content: damaged, says: /it is not valid gzip/ },
};

for (const [name, { content, says }] of Object.entries(unreadable)) {
  Deno.test(`${name} exits 1 and names the problem, once`, async () => {
    await using work = await openWorkspace(server);
    const { code, stderr, json } = await work.ingest([
      "--log-level",
      "error",
      "--file",
      await work.write(name, content),
    ]);
    assertEquals(code, 1);
    assertMatch(stderr, says);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    assertEquals(json.received, 0);
  });
}

Deno.test("a file of a header alone is read, and holds nothing", async () => {
  await using work = await openWorkspace(server);
  const { code, json } = await work.ingest(["--file", await work.write("bars.csv", `${HEADER}\n`)]);
  assertEquals([code, json.received], [0, 0]);
});

Deno.test("the bars before the cut of a truncated gzip are stored, and the exit code is 1", async () => {
  await using work = await openWorkspace(server);
  const packed = await gzip(csvFile(20_000));
  const file = await work.write("bars.csv.gz", packed.subarray(0, packed.length - 1000));
  const { code, stderr, json } = await work.ingest(["--file", file]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "unexpected end of file");
  assertBalances(json);
  assertEquals([await work.count(), json.deadLettered], [json.received, 0]);
});

Deno.test("missing facts are named for each file, exit 2, and nothing is opened", async () => {
  await using work = await openWorkspace(server);
  await Deno.mkdir(join(work.directory, "folder"));
  const { code, stderr } = await work.ingest(["--file", "no.csv", "--file", "*.nope", "--file", "folder"]);
  assertEquals(code, 2);
  assertStringIncludes(
    stderr,
    'Cannot use "file" from --file: "no.csv" cannot be read: there is no such file; nothing matches "*.nope"; ' +
      'nothing to read is in "folder"',
  );
  assertEquals([...Deno.readDirSync(work.directory)].map(({ name }) => name), ["folder"]);
});

Deno.test("a file that fails among several does not keep the others from being read", async () => {
  await using work = await openWorkspace(server);
  await work.write("1.csv", csvFile(10));
  await work.write("2.csv", "nothing\n");
  await work.write("3.csv", csvFile(10, "MSFT"));
  const { code, stderr, json } = await work.ingest(["--file", "*.csv"]);
  assertEquals([code, json.stored], [1, 20]);
  assertStringIncludes(stderr, 'Cannot read "2.csv": header lacks');
});

Deno.test("a file that is gone among those of a folder is named, exits 1, and the others are stored", async () => {
  await using work = await openWorkspace(server);
  await Deno.mkdir(join(work.directory, "folder"));
  await work.write("folder/1.csv", csvFile(10));
  await Deno.symlink("/nowhere/bars.csv", join(work.directory, "folder/2.csv"));
  await work.write("folder/3.csv", csvFile(10, "MSFT"));
  const { code, stderr, json } = await work.ingest(["--file", "folder"]);
  assertEquals([code, json.stored], [1, 20]);
  assertStringIncludes(stderr, '"folder/2.csv" cannot be read: there is no such file');
});

Deno.test("a line of 100 MB is dead-lettered with its place, in little memory, and the lines around it are stored", async () => {
  await using work = await openWorkspace(server);
  const path = join(work.directory, "long.csv");
  {
    using file = await Deno.open(path, { create: true, write: true });
    const writer = file.writable.getWriter();
    const encoder = new TextEncoder();
    await writer.write(encoder.encode(`${HEADER}\n${csvLine(0)}\n`));
    const megabyte = new Uint8Array(1_000_000).fill(120);
    for (let count = 0; count < 100; count++) await writer.write(megabyte);
    await writer.write(encoder.encode(`\n${csvLine(1)}\n`));
    await writer.close();
  }
  const { code, json } = await work.ingest(["--file", path]);
  assertEquals([code, json.received, json.stored, json.deadLettered], [0, 3, 2, 1]);
  const [letter] = await work.letters();
  assertEquals(letter.error, "line is too long: 100000001 bytes, at most 1048576 are read");
  assertEquals(letter.metadata.location, `${path}:3`);
});

Deno.test("a data directory that is a file exits 1 and names the option that helps", async () => {
  await using work = await openWorkspace(server);
  const path = await work.write("data", "");
  const { code, stderr } = await work.ingest(["--limit", "5", "--data-dir", path]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Cannot write to the data directory "${path}": there is a file of that name`);
  assertStringIncludes(stderr, "choose another with --data-dir");
});

Deno.test("an unreachable database exits 1, names it without the password and says what to do", async () => {
  await using work = await openWorkspace();
  const { code, stderr, stdout } = await work.ingest(["--database", "postgres://me:geheim@127.0.0.1:1/market"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot prepare the database 127.0.0.1:1/market: connect ECONNREFUSED 127.0.0.1:1");
  assertStringIncludes(stderr, "Start the server, or correct host and port.");
  assertEquals(`${stdout}${stderr}`.includes("geheim"), false);
});

Deno.test("the second of two runs on one embedded database is given the number of the first", async () => {
  await using work = await openWorkspace();
  const args = ["--database", "embedded", "--http", "off"];
  const first = work.startIngest(args);
  await first.line(/mock opened/);
  const second = await work.ingest(args);
  assertEquals(second.code, 1);
  assertStringIncludes(second.stderr, `process ${first.pid} has it`);
  first.kill("SIGTERM");
  assertEquals((await first.ended).code, 0);
});

Deno.test("a BARLINE_ENV_FILE that is not there ends a start with exit code 2, before any database is made", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await work.ingest(["--provider", "mock", "--limit", "1"], {
    env: { BARLINE_ENV_FILE: "/nowhere/secrets" },
  });
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, 'current value is "/nowhere/secrets", expected a file that exists');
  await assertRejects(() => Deno.stat(work.dataDir), Deno.errors.NotFound);
});

Deno.test("a configuration file that is missing or a directory exits 2 and is named", async () => {
  await using work = await openWorkspace();
  for (
    const [path, says] of [
      ["none.yaml", 'Cannot use "config" from none.yaml: there is no such file'],
      [".", 'Cannot use "config" from .: it is a directory, expected a YAML file'],
    ]
  ) {
    const { code, stderr } = await work.run(["ingest", "--config", path, "--limit", "5"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, says);
  }
});

testWhere(
  Deno.build.os === "linux" ? undefined : "there is no /dev/full",
  "a standard output without room exits 1 and is named, without a stack or a second summary",
  async () => {
    await using work = await openWorkspace(server);
    const through = ["bash", "-c", 'exec "$@" >/dev/full', "bash"];
    for (
      const start of [work.startIngest(["--limit", "5"], { through }), work.start(["config", "show"], { through })]
    ) {
      const { code, stderr } = await start.ended;
      assertEquals(code, 1);
      assertStringIncludes(stderr, "Cannot write to standard output: No space left on device");
      assert(!stderr.includes(" at "), stderr);
    }
  },
);

Deno.test("dlq list says where it has looked if no dead letter exists", async () => {
  await using work = await openWorkspace();
  const { code, stdout } = await work.run(["dlq", "list", "--data-dir", join(work.directory, "typo")]);
  assertEquals([code, stdout], [
    0,
    `No dead letters in ${join(await Deno.realPath(work.directory), "typo", "dead-letters")}\n`,
  ]);
});

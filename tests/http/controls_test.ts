import { assertEquals, assertStringIncludes } from "@std/assert";
import { csvLine, HEADER } from "../support/bars.ts";
import { addressOf, type Running } from "../support/process.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const TOKEN = "0123456789abcdef0123456789abcdef";
const env = { BARLINE_HTTP_TOKEN: TOKEN };

/** Posts JSON with the token, and gives the answer. */
async function post(address: string, path: string, body: unknown = {}) {
  const response = await fetch(`${address}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, json: response.ok ? JSON.parse(text) : undefined };
}

/** A run with letters of bars that were refused once and can be stored now, and one that is unsound. */
async function withLetters(work: Workspace): Promise<{ running: Running; address: string }> {
  await work.migrate();
  await work.query("ALTER TABLE bar ADD CONSTRAINT cheap CHECK (volume < 5000)");
  const dear = [0, 1, 2].map((at) => csvLine(at).replace(/\d+$/, "5000.5"));
  await work.ingest(["--file", await work.write("bars.csv", [HEADER, ...dear, csvLine(9, "a,b")].join("\n"))]);
  await work.query("ALTER TABLE bar DROP CONSTRAINT cheap");
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], { env });
  return { running, address: await addressOf(running) };
}

for (const [name, target] of [["a server", server], ["the embedded database", undefined]] as const) {
  Deno.test(`a running ingest into ${name} replays letters, purges others and drains, on requests over HTTP`, async () => {
    await using work = await openWorkspace(target);
    const { running, address } = await withLetters(work);
    const { groups } = await (await fetch(`${address}/api/dead-letters`)).json();
    assertEquals(groups.map(({ count, sqlstate }: Record<string, unknown>) => [count, sqlstate]), [
      [3, "23514"],
      [1, undefined],
    ]);
    const { letters } = await (await fetch(`${address}/api/dead-letters/letters?sqlstate=23514&limit=2`)).json();
    assertEquals(letters.length, 2);
    const replayed = await post(address, "/api/dead-letters/replay", { where: { sqlstate: "23514" } });
    assertEquals(replayed.json, { replayed: 3, refused: 0, skipped: 0, reasons: {} });
    assertEquals((await post(address, "/api/dead-letters/purge")).status, 400);
    assertEquals((await post(address, "/api/dead-letters/purge", { where: { price: "1" } })).status, 400);
    assertEquals((await post(address, "/api/dead-letters/purge", { where: {} })).json, { purged: 1 });
    assertEquals(await work.letters(), []);
    assertEquals((await post(address, "/-/circuit/probe")).json, { probing: true });
    assertEquals((await post(address, "/-/drain")).json, { stopping: true });
    const { code, json, stderr } = await running.ended;
    assertEquals([code, json.inFlight, json.deadLettered], [0, 0, 0]);
    assertStringIncludes(stderr, "/-/drain was asked for by 127.0.0.1");
    assertEquals(stderr.includes(TOKEN), false);
    assertEquals(await work.query("SELECT count(*)::int AS count FROM bar WHERE volume = 5000.5"), [{ count: 3 }]);
  });
}

Deno.test("a public address without a token exits 2 and says what to set", async () => {
  await using work = await openWorkspace(server);
  for (const address of ["0.0.0.0:0", "[::]:0", "example.com:9000"]) {
    const { code, stderr } = await work.ingest(["--limit", "1", "--http", address]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `current value is "${address}", which others can reach: set BARLINE_HTTP_TOKEN`);
  }
  const empty = await work.ingest(["--limit", "1", "--http", "0.0.0.0:0"], { env: { BARLINE_HTTP_TOKEN: " " } });
  assertEquals(empty.code, 2);
  const target = ["--database", work.database, "--data-dir", work.dataDir];
  const doctor = await work.run(["doctor", "--http", "0.0.0.0:0", ...target]);
  assertStringIncludes(doctor.stdout, 'FAIL  http: Cannot use "http" from --http');
  const allowed = await work.ingest(["--limit", "1", "--http", "0.0.0.0:0"], { env });
  assertEquals(allowed.code, 0, allowed.stderr);
});

Deno.test("ingest first replays what an earlier run left when it was stopped, and only that", async () => {
  await using work = await openWorkspace(server);
  await work.migrate();
  // A lock keeps the writes waiting until the time for draining is over.
  const lines = [HEADER, ...Array.from({ length: 300 }, (_, at) => csvLine(at)), "broken"];
  const file = await work.write("bars.csv", lines.join("\n"));
  await work.query(
    "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN new; END'",
  );
  await work.query("CREATE TRIGGER slow BEFORE INSERT ON bar EXECUTE FUNCTION wait()");
  const stuck = work.startIngest([
    "--file",
    file,
    "--drain-timeout",
    "0.2",
    "--write-timeout-ms",
    "1000",
    "--http",
    "127.0.0.1:0",
  ]);
  const address = await addressOf(stuck);
  while (
    !/^barline_records_received_total\{tenant="default"\} 301$/m.test(await (await fetch(`${address}/metrics`)).text())
  );
  stuck.kill("SIGTERM");
  const stopped = await stuck.ended;
  assertEquals([stopped.json.stored, stopped.json.deadLettered], [0, 301]);
  await work.query("DROP TRIGGER slow ON bar");

  const off = await work.ingest(["--limit", "1", "--dlq-auto-replay", "off"]);
  assertEquals([off.code, (await work.letters()).length], [0, 301]);
  const { code, json, stderr } = await work.ingest(["--limit", "1"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "Replayed 300 dead letters of earlier runs; 0 stay");
  assertEquals([json.received, json.unchanged], [1, 1]);
  assertEquals((await work.letters()).map(({ metadata }) => metadata.cause), ["invalid"]);
  assertEquals(
    await work.query(
      "SELECT count(*)::int AS count FROM bar WHERE series_id IN (SELECT id FROM series WHERE provider = 'replay')",
    ),
    [{ count: 300 }],
  );
});

Deno.test("a client that asks and does not read does not delay the end of a run", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const { port } = new URL(await addressOf(running));
  const connections: Deno.TcpConn[] = [];
  try {
    // Far more answers than the system's buffers hold.
    const asking = "GET /cockpit/lightweight-charts.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    for (let at = 0; at < 5; at++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      connections.push(connection);
      await connection.write(new TextEncoder().encode(asking));
      await connection.read(new Uint8Array(1));
    }
    running.kill("SIGTERM");
    const { code, json } = await running.ended;
    assertEquals([code, json.inFlight], [0, 0]);
  } finally {
    for (const connection of connections) connection.close();
  }
});

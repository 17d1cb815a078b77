import { assertEquals, assertStringIncludes } from "@std/assert";
import { missingServer } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

const BARS = `ts,symbol,open,high,low,close,volume
2024-01-02T14:30:00Z,AB,1,2,0.5,1.5,100
2024-01-02T14:31:00Z,AB,1.5,2.5,1,2,0.25
2024-01-02T14:31:00Z,CD,1.5,2.5,1,2,0.25
`;
const NEWEST = Date.parse("2024-01-02T14:31:00Z") / 1000;
const TOKEN = "a-token-of-the-tests";

Deno.test("serve opens a loaded directory to the API and to query, keeps others out, and ends with 0", async () => {
  await using work = await openWorkspace();
  const csv = await work.write("bars.csv", BARS);
  assertEquals((await work.ingest(["--file", csv])).code, 0);
  const serve = ["serve", "--data-dir", work.dataDir];
  const running = work.start([...serve, "--http", "127.0.0.1:0"], { env: { BARLINE_HTTP_TOKEN: TOKEN } });
  const address = await addressOf(running);
  await running.line(/Ctrl-C or SIGTERM ends it/);
  const get = async (path: string) => await (await fetch(`${address}${path}`)).json();

  assertEquals(await get("/api/stored"), {
    stored: [{ provider: "replay", timeframe: "1m", series: 2, lastTs: NEWEST }],
  });
  assertEquals((await get("/api/overview")).serving, true);
  assertEquals(await get("/readyz"), { ready: true, reasons: [] });
  const { bars } = await get("/api/bars?provider=replay&symbol=AB&timeframe=1m");
  assertEquals(bars.map(({ close }: { close: number }) => close), [1.5, 2]);
  const replay = await fetch(`${address}/api/dead-letters/replay`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: '{"where":{}}',
  });
  assertEquals(replay.status, 409);
  assertStringIncludes(await replay.text(), "barline serve only reads");

  const [asked, other] = await Promise.all([
    work.run(["query", "--data-dir", work.dataDir, "--format", "csv", "SELECT count(*) AS n FROM bars"]),
    work.run([...serve, "--http", "off"]),
  ]);
  assertEquals(asked.stdout, "n\n3\n");
  assertEquals(other.code, 1);
  assertStringIncludes(other.stderr, `"${work.dataDir}/postgres": process ${running.pid} has it`);

  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
  assertEquals(await work.count(), 3);
});

Deno.test("serve makes no database where none exists", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await work.run(["serve", "--data-dir", work.dataDir]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `Cannot find an embedded database in "${work.dataDir}"`);
  assertEquals(await Array.fromAsync(Deno.readDir(work.directory)), []);
});

testWhere(missingServer(), "serve reads a server as a user who may only read, and makes no tables there", async () => {
  await using work = await openWorkspace(server);
  const serve = (database: string, ...more: string[]) =>
    work.start(["serve", "--database", database, "--data-dir", work.dataDir, "--http", "127.0.0.1:0", ...more]);
  const empty = await serve(work.database).ended;
  assertEquals(empty.code, 2);
  assertStringIncludes(empty.stderr, 'There are no tables of Barline in the schema "public"');
  assertEquals(await work.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"), []);

  const csv = await work.write("bars.csv", BARS);
  assertEquals((await work.ingest(["--file", csv])).code, 0);
  const role = `only_reads_${crypto.randomUUID().slice(0, 8)}`;
  await work.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'x'; ALTER ROLE ${role} SET default_transaction_read_only = on;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`,
  );
  const url = new URL(work.database);
  [url.username, url.password] = [role, "x"];
  const running = serve(url.href);
  const { stored } = await (await fetch(`${await addressOf(running)}/api/stored`)).json();
  assertEquals(stored, [{ provider: "replay", timeframe: "1m", series: 2, lastTs: NEWEST }]);
  running.kill("SIGINT");
  assertEquals((await running.ended).code, 0);
  await work.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

Deno.test("serve refuses options that leave it nothing to serve", async () => {
  await using work = await openWorkspace();
  const off = await work.run(["serve", "--database", "postgres://nobody@127.0.0.1:1/x", "--http", "off"]);
  assertEquals(off.code, 2);
  assertStringIncludes(off.stderr, 'Cannot serve: --http is "off", expected HOST:PORT');
  const nats = await work.run(["serve"], { env: { BARLINE_SINK: "nats" } });
  assertEquals(nats.code, 2);
  assertStringIncludes(nats.stderr, "records go to NATS");
});

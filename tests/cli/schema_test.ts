import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { missingServer } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const MOCK = ["--provider", "mock", "--limit", "50"];

testWhere(missingServer(), "beside somebody's tables --schema is named, and then used by every command", async () => {
  await using work = await openWorkspace(server);
  await work.query("CREATE TABLE bars (id int); CREATE TABLE news (id int)");
  const refused = await work.ingest(MOCK);
  assertEquals(refused.code, 2);
  assertMatch(
    refused.stderr,
    /Cannot use the schema "public": the table "(bars|news)" belongs to role "postgres" and .* not Barline's: use --schema NAME/,
  );
  const at = ["--database", work.database, "--schema", 'Market "x"'];
  const planned = await work.run(["migrate", "--plan", ...at]);
  assertStringIncludes(planned.stdout, 'CREATE SCHEMA IF NOT EXISTS "Market ""x"""');
  assertEquals((await work.run(["migrate", ...at])).code, 0);
  const env = { BARLINE_SCHEMA: 'Market "x"' };
  const { code, stderr, json } = await work.ingest(MOCK, { env });
  assertEquals([code, json.stored], [0, 50], stderr);
  assertStringIncludes(stderr, ', schema Market "x"');
  assertEquals(await work.query('SELECT count(*)::int AS bars FROM "Market ""x""".bars'), [{ bars: 50 }]);
  const looked = await work.run(["doctor", "--http", "off", ...at]);
  assertMatch(looked.stdout, /ok +database: .*schema Market "x",.*schema up to date/);
  for (const command of [["gaps"], ["tenant", "list"], ["dlq", "list", "--data-dir", work.dataDir]]) {
    const { code, stderr } = await work.run([...command, ...at]);
    assertEquals([command[0], code, stderr], [command[0], 0, ""]);
  }
  assertEquals(await work.query("SELECT count(*)::int AS rows FROM bars"), [{ rows: 0 }], "somebody's own");
});

testWhere(missingServer(), "/health and the metric of the store name the schema", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest([
    "--provider",
    "mock",
    "--speed",
    "60",
    "--schema",
    "market",
    "--http",
    "127.0.0.1:0",
  ]);
  const address = await addressOf(running);
  const { components } = await (await fetch(`${address}/health`)).json();
  assertEquals(components[0].details.schema, "market");
  assertStringIncludes(
    await (await fetch(`${address}/metrics`)).text(),
    'barline_store_info{sink="postgres",schema="market"} 1',
  );
  await running.line(/opened/);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

Deno.test("the embedded database takes --schema too, and a name that cannot be one is refused", async () => {
  await using work = await openWorkspace();
  const { code, stderr, json } = await work.ingest([...MOCK, "--schema", "market"]);
  assertEquals([code, json.stored], [0, 50], stderr);
  assertStringIncludes(stderr, ", schema market");
  assertEquals(await work.query("SELECT count(*)::int AS bars FROM market.bar"), [{ bars: 50 }]);
  for (
    const name of ["pg_catalog", "information_schema", "", "a".repeat(64), "é".repeat(32), "a$b", "barline_reader_1"]
  ) {
    const refused = await work.run(["config", "check", `--schema=${name}`]);
    assertEquals(refused.code, 2, name);
    assertStringIncludes(refused.stderr, "expected a name of 1 to 63 bytes");
  }
});

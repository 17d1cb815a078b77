import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { addressOf } from "../support/process.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { until } from "../support/until.ts";

const server = await startSharedServer();
const TOKEN = "a-token-of-the-operator";

Deno.test("tenants run side by side, each with its own rows, directories and counts", async () => {
  await using work = await openWorkspace(server);
  const config = await work.write(
    "barline.yaml",
    `speed: max
tenants:
  - { name: acme, symbols: [AAPL, MSFT], limit: 500 }
  - { name: beta, symbols: [AAPL], limit: 300, workers: 1, journal: durable }
`,
  );
  const { code, json, stderr } = await work.ingest(["--config", config]);
  assertEquals([code, json.received, json.tenants.acme.stored, json.tenants.beta.stored], [0, 800, 500, 300], stderr);
  assertEquals(await work.query("SELECT tenant, count(*)::int AS bars FROM bars GROUP BY tenant ORDER BY tenant"), [
    { tenant: "acme", bars: 500 },
    { tenant: "beta", bars: 300 },
  ]);
  const names = (path: string) => [...Deno.readDirSync(`${work.dataDir}/${path}`)].map(({ name }) => name).sort();
  assertEquals(names("tenants"), ["acme", "beta"]);
  assert(names("tenants/beta").includes("journal"));
  assertEquals(names(".").includes("journal"), false);

  // One alone, by its name.
  const alone = await work.ingest(["--config", config, "--tenant", "beta"]);
  assertEquals([alone.code, alone.json.unchanged, alone.json.tenants], [0, 300, undefined]);
  const other = await work.ingest(["--config", config, "--tenant", "gamma"]);
  assertEquals(other.code, 2);
  assertStringIncludes(other.stderr, 'current value is "gamma", expected one of acme, beta');
});

Deno.test("problems of a tenant are reported at their place, all at once, and no secret is shown", async () => {
  await using work = await openWorkspace(server);
  const config = await work.write(
    "barline.yaml",
    `tenants:
  - { name: acme, symbols: [AAPL], capacity: many }
  - { name: Beta }
  - { name: acme }
  - { name: gamma, http: "0.0.0.0:1", symbol: [AAPL] }
  - { name: delta, provider: alpaca, symbols: [AAPL], variables: { ALPACA_API_KEY: DELTA_KEY } }
  - { name: epsilon, httpToken: "a secret itself" }
  - { name: zeta, httpToken: ZETA_TOKEN }
  - { name: eta, httpToken: ETA_TOKEN }
`,
  );
  const { code, stderr } = await work.ingest(["--config", config], {
    env: { ETA_TOKEN: "same", BARLINE_HTTP_TOKEN: "same", ALPACA_API_KEY: "shared", ALPACA_SECRET_KEY: "shared" },
  });
  assertEquals(code, 2);
  for (
    const told of [
      'Cannot use "tenants.acme.capacity"',
      'Cannot use "tenants[1].name"',
      'Cannot use "tenants.acme" ',
      'Cannot use "tenants.gamma.http"',
      'did you mean "symbols"?',
      'Cannot use "tenants.delta.ALPACA_API_KEY"',
      'Cannot use "tenants.epsilon.httpToken"',
      "the variable ZETA_TOKEN is not set",
      "the token is that of BARLINE_HTTP_TOKEN",
    ]
  ) assertStringIncludes(stderr, told);
  assertEquals(stderr.includes("a secret itself"), false);
});

Deno.test("a tenant with a dead key and one that is flooded neither stop nor slow the others", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  const tenants = (others: string) => `tenants:\n  - { name: calm, symbols: [AAPL], rate: 200 }\n${others}`;
  const config = await work.write(
    "barline.yaml",
    tenants(`  - { name: dead, provider: alpaca, symbols: [AAPL], variables: { ALPACA_API_KEY: DEAD_KEY } }
  - { name: flood, symbols: [AAPL, MSFT, NVDA], speed: max, workers: 8 }
`),
  );
  const running = work.startIngest(["--config", config, "--http", "127.0.0.1:0"], {
    env: { ...alpaca.variables, DEAD_KEY: "no-key", BARLINE_HTTP_TOKEN: TOKEN },
  });
  const address = await addressOf(running);
  const overview = async (tenant: string) => await (await fetch(`${address}/api/overview?tenant=${tenant}`)).json();
  await running.line(/barline.dead.*failed/);
  let calm = await overview("calm");
  await until(async () => (calm = await overview("calm")).ledger.received >= 1000);
  const flood = await overview("flood");
  assert(flood.ledger.stored > 10 * calm.ledger.stored, `${flood.ledger.stored} against ${calm.ledger.stored}`);
  // On a machine that is slow or busy both get less: its part of what the process does stays, and it waits no longer than the flood.
  const records = flood.ledger.received / calm.ledger.received;
  assert(calm.rate.received > 100 || records < 1000, `${calm.rate.received}/s, one beside ${records} of the flood`);
  const [waits, floodWaits] = [calm.latencyMs.p50, flood.latencyMs.p50];
  assert(waits < 500 || waits < 2 * floodWaits, `p50 ${waits} ms beside ${floodWaits} ms of the flood`);
  assertEquals(calm.state, "healthy");
  assertEquals((await overview("dead")).state, "unhealthy");
  const all = await (await fetch(`${address}/health`)).json();
  assertEquals(all.state, "degraded");
  assertEquals((await fetch(`${address}/readyz`)).status, 200);
  const metrics = await (await fetch(`${address}/metrics`)).text();
  for (const tenant of ["calm", "dead", "flood"]) {
    assertStringIncludes(metrics, `barline_records_received_total{tenant="${tenant}"}`);
  }
  assertEquals(metrics.match(/^# TYPE barline_records_received_total /gm)?.length, 1);
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals([code, json.inFlight], [1, 0]);
});

testWhere(missingServer(), "roles are granted a tenant's rows by the command line", async () => {
  await using work = await openWorkspace(server);
  await work.ingest(["--tenant", "acme", "--limit", "10"]);
  await work.ingest(["--limit", "20"]);
  const role = `role_${crypto.randomUUID().slice(0, 8)}`;
  await work.query(`CREATE ROLE ${role} LOGIN`);
  const tenant = (...args: string[]) => work.run(["tenant", ...args, "--database", work.database]);
  const granted = await tenant("grant", "acme", "--role", role);
  assertEquals([granted.code, granted.stdout.trim()], [0, `${role}: acme`], granted.stderr);
  const own = new URL(work.database);
  own.username = role;
  const rows = await server!.query("SELECT tenant, count(*)::int AS bars FROM bars GROUP BY 1", own.href);
  assertEquals(rows, [{ tenant: "acme", bars: 10 }]);
  // Who owns the tables writes on.
  assertEquals((await work.ingest(["--limit", "30"])).json.stored, 10);
  // So does who may write without owning them, new series too.
  const writer = `writer_${crypto.randomUUID().slice(0, 8)}`;
  await work.query(`CREATE ROLE ${writer} LOGIN`);
  await work.query(`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO ${writer};
    GRANT DELETE ON stream_log, stream_trim TO ${writer}`);
  const other = new URL(work.database);
  other.username = writer;
  const written = await work.ingest(["--limit", "50", "--symbols", "NEW", "--database", other.href]);
  assertEquals([written.code, written.json.stored], [0, 50], written.stderr);
  assertEquals((await tenant("list", "--json")).json, { grants: [{ role, tenants: ["acme"] }] });
  for (
    const [args, told] of [
      [["grant", "acme"], "without a role"],
      [["grant", "--role", role], "expected a tenant's name, or --all"],
      [["grant", "Acme'; DROP", "--role", role], "small letters"],
      [["list", "--database", "embedded"], "has one user"],
    ] as const
  ) {
    const { code, stderr } = await work.run([
      "tenant",
      ...args,
      ...args[0] === "list" ? [] : ["--database", work.database],
    ]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, told);
  }
  const unknown = await tenant("grant", "acme", "--role", "nobody");
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, "create it first");
  assertStringIncludes((await tenant("revoke", "acme", "--role", role)).stdout, "No role reads");
});

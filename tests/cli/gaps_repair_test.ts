import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { csvLine, HEADER } from "../support/bars.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { type MarketBar, startFakeKraken } from "../support/fake_kraken.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { startFakeTws } from "../support/fake_tws.ts";
import { freePort } from "../support/postgres.ts";
import { utc } from "../support/stored_series.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

const MINUTE = 60_000;
/** A regular session: Tuesday, 2 January 2024, 09:30 in New York. */
const OPEN = utc("2024-01-02T14:30");
const AAPL = { provider: "alpaca", symbol: "AAPL", timeframe: "1m" };

function marketBar(ts: number, given: Partial<MarketBar> = {}): MarketBar {
  return { symbol: "AAPL", ts, open: 2, high: 4, low: 1, close: 3, volume: 7, trades: 5, ...given };
}

/** Workspaces that have the schema. */
const migrated = new WeakSet<Workspace>();

/** Stores bars of a live feed that start at these times. */
async function store(work: Workspace, { provider, symbol, timeframe } = AAPL, starts: readonly number[]) {
  if (!migrated.has(work)) await work.migrate();
  migrated.add(work);
  await work.query(
    `WITH added AS (INSERT INTO series (provider, symbol, timeframe) VALUES ('${provider}', '${symbol}', '${timeframe}')
      RETURNING id)
    INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at)
    SELECT id, to_timestamp(seconds), 2, 4, 1, 3, 7, '2024-01-01' FROM added,
      unnest('{${starts.map((ms) => ms / 1000)}}'::float8[]) AS seconds`,
  );
}

/** Minutes of the session, but for some. */
const session = (minutes: number, ...missing: number[]) =>
  Array.from({ length: minutes }, (_, at) => at).filter((at) => !missing.includes(at)).map((at) => OPEN + at * MINUTE);

function gaps(work: Workspace, variables: Record<string, string>, ...args: string[]) {
  return work.run(["gaps", "--database", work.database, "--data-dir", work.dataDir, "--json", ...args], {
    env: variables,
  });
}

/** Ranges as `minute of the session + minutes state`. */
// deno-lint-ignore no-explicit-any
const ranges = (json: any) =>
  // deno-lint-ignore no-explicit-any
  json.ranges.map(({ from, minutes, state }: any) => `${(Date.parse(from) - OPEN) / MINUTE}+${minutes} ${state}`);

const upTo = (minutes: number) => ["--to", new Date(OPEN + minutes * MINUTE).toISOString()];

Deno.test("bars that history has are repaired, and others are asked for once", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  await store(work, AAPL, session(60, 5, 6, 7, 20, 40, 41));
  fake.history.push(...session(60, 6, 20).map((ts) => marketBar(ts)));
  const first = await gaps(work, fake.variables, "--repair", ...upTo(60));
  assertEquals(ranges(first.json), ["5+1 repaired", "6+1 no-trade", "7+1 repaired", "20+1 no-trade", "40+2 repaired"]);
  // History was asked about minutes 5 to 42 in one request, and not about the others of the file.
  assertEquals(first.json.totals, { found: 6, repaired: 4, noTrade: 2, unrepairable: 0, missing: 0, unknown: 23 });
  assertEquals(first.code, 0, first.stderr);
  assertEquals(await work.count(), 58);
  const asked = fake.requests.length;
  assertEquals(asked > 0, true);
  const second = await gaps(work, fake.variables, "--repair", ...upTo(60));
  assertEquals([second.code, fake.requests.length], [0, asked], "nothing is left to ask for");
  assertEquals(second.json.totals, { found: 0, repaired: 0, noTrade: 2, unrepairable: 0, missing: 0, unknown: 23 });
  assertEquals(ranges((await gaps(work, {}, ...upTo(60))).json), ["6+1 no-trade", "20+1 no-trade"], "without a key");
});

Deno.test("an outage of all symbols over two sessions is repaired by few requests", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  const sessions = [OPEN, OPEN + 24 * 60 * MINUTE].flatMap((open) => session(390).map((ms) => ms - OPEN + open));
  const left = sessions.filter((_, at) => at < 300 || at > 500);
  for (const symbol of ["AAPL", "MSFT", "NVDA"]) {
    await store(work, { ...AAPL, symbol }, left);
    fake.history.push(...sessions.map((ts) => marketBar(ts, { symbol })));
  }
  const to = new Date(OPEN + 2 * 24 * 60 * MINUTE).toISOString();
  const { code, json, stderr } = await gaps(work, fake.variables, "--repair", "--to", to);
  assertEquals([code, json.totals.found, json.totals.repaired], [0, 603, 603], stderr);
  assertEquals(ranges(json).slice(0, 2), ["300+90 repaired", "1440+111 repaired"]);
  assertEquals(await work.count(), 3 * 780);
  assertEquals(fake.requests.length <= 3, true, `${fake.requests.length} requests`);
});

Deno.test("without a key missing bars are listed all the same, and no minute is taken for one without trades", async () => {
  await using work = await openWorkspace(server);
  await store(work, AAPL, session(10, 3));
  const { code, json, stderr } = await gaps(work, {}, "--repair", ...upTo(10));
  assertEquals([code, ranges(json)], [1, ["3+1 missing"]]);
  assertMatch(stderr, /Cannot repair gaps of alpaca: "ALPACA_API_KEY": it is not set/);
  assertEquals(await work.query("SELECT count(*)::int AS count FROM series_coverage WHERE NOT isempty(confirmed)"), [{
    count: 0,
  }]);
});

Deno.test("a symbol that history refuses stays missing, the others are repaired, and the exit code is 1", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca({ known: ["AAPL"] });
  await store(work, AAPL, session(10, 3, 5));
  await store(work, { ...AAPL, symbol: "GONE" }, session(10, 3, 5));
  fake.history.push(...session(10, 5).map((ts) => marketBar(ts)));
  const { code, json, stderr } = await gaps(work, fake.variables, "--repair", ...upTo(10));
  assertEquals(ranges(json), ["3+1 repaired", "5+1 no-trade", "3+1 missing", "5+1 missing"], stderr);
  assertEquals([code, json.totals.missing], [1, 2]);
  assertStringIncludes(stderr, "GONE");
});

Deno.test("a minute whose bar history has and the database refuses is not taken for one without trades", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  await store(work, AAPL, session(10, 3, 5));
  fake.history.push(...session(10, 3, 5).map((ts) => marketBar(ts)), marketBar(OPEN + 3 * MINUTE, { high: 0.5 }));
  const { code, json, stderr } = await gaps(work, fake.variables, "--repair", ...upTo(10));
  assertEquals([code, ranges(json)], [1, ["3+1 missing", "5+1 no-trade"]], stderr);
  assertEquals((await work.letters()).length, 1);
});

Deno.test("a history that lacks a stored bar proves nothing, and --explain says so", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  await store(work, AAPL, session(10, 3, 5));
  fake.history.push(...session(10, 4, 5).map((ts) => marketBar(ts)));
  const ended = await gaps(work, fake.variables, "--repair", "--explain", ...upTo(10));
  const { code, stderr } = ended;
  assertEquals(code, 1, stderr);
  const { json } = ended;
  assertEquals([code, ranges(json)], [1, ["3+1 repaired", "5+1 missing"]], stderr);
  assertStringIncludes(stderr, "history of AAPL lacks 1 bars that are stored");
  assertEquals(json.doubts.length, 1);
  const { from, to, reason, since, attempts, next, minutes, symbol } = json.doubts[0];
  assertEquals([symbol, from, to, reason, attempts, minutes], [
    ...["AAPL", "2024-01-02T14:34:00.000Z", "2024-01-02T14:35:00.000Z", "contradicted"],
    ...[1, 1],
  ]);
  assertEquals(Date.parse(next) > Date.parse(since), true);
  const table = await work.run([
    "gaps",
    "--database",
    work.database,
    "--data-dir",
    work.dataDir,
    "--explain",
    ...upTo(10),
  ]);
  assertMatch(
    table.stdout,
    /alpaca AAPL 1m is in doubt from 2024-01-02T14:34Z to 2024-01-02T14:35Z: history lacks a bar that is stored; since \S+, asked 1 time, asked next \S+\n/,
  );
  // A history that is whole again settles it.
  fake.history.push(marketBar(OPEN + 4 * MINUTE));
  fake.history.sort((a, b) => a.ts - b.ts);
  const settled = await gaps(work, fake.variables, "--repair", "--explain", ...upTo(10));
  assertEquals([settled.code, ranges(settled.json), settled.json.doubts], [0, ["5+1 no-trade"], []], settled.stderr);
});

Deno.test("deleted bars are missing again, even if their range was confirmed", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  await store(work, AAPL, session(10, 3, 5));
  fake.history.push(...session(10, 5).map((ts) => marketBar(ts)));
  assertEquals(ranges((await gaps(work, fake.variables, "--repair", ...upTo(10))).json), [
    "3+1 repaired",
    "5+1 no-trade",
  ]);
  await work.query("DELETE FROM bar WHERE ts = '2024-01-02T14:33Z'");
  const { json } = await gaps(work, {}, ...upTo(10));
  assertEquals(ranges(json), ["3+1 missing", "5+1 no-trade"]);
  assertEquals(json.ranges[0].reason, "bars were deleted");
  assertEquals(ranges((await gaps(work, fake.variables, "--repair", ...upTo(10))).json), [
    "3+1 repaired",
    "5+1 no-trade",
  ]);
});

Deno.test("trades make the bars that Kraken no longer serves, and a minute without a later bar may still come", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeKraken(["BTC/USD"]);
  const now = Math.floor(Date.now() / MINUTE) * MINUTE;
  const coin = { provider: "kraken", symbol: "BTC/USD", timeframe: "1m" };
  const missing = [1000, 995, 500, 499, 400, 10, 9, 6];
  const minutes = Array.from({ length: 1001 }, (_, at) => 1000 - at + 5).filter((ago) => ago >= 6);
  await store(work, coin, minutes.filter((ago) => !missing.includes(ago)).map((ago) => now - ago * MINUTE));
  for (const ago of minutes) {
    if (![499, 9, 6].includes(ago)) fake.history.push(marketBar(now - ago * MINUTE, { symbol: "BTC/USD" }));
    if (ago < 700 || ago === 995) continue;
    fake.trades.push({ symbol: "BTC/USD", at: BigInt(now - ago * MINUTE + 5) * 1_000_000n, price: "2", volume: "7" });
  }
  // The first trade that bars reach.
  fake.trades.push({ symbol: "BTC/USD", at: BigInt(now - 5 * MINUTE) * 1_000_000n, price: "2", volume: "7" });
  const to = new Date(now - 5 * MINUTE).toISOString();
  const { code, json, stderr } = await gaps(work, fake.variables, "--repair", "--to", to);
  // deno-lint-ignore no-explicit-any
  const told = json.ranges.map(({ from, state }: any) => `${(now - Date.parse(from)) / MINUTE} ${state}`);
  assertEquals(told, [
    "1000 repaired",
    "995 no-trade",
    "500 repaired",
    "499 no-trade",
    "400 repaired",
    "10 repaired",
    "9 no-trade",
    "6 missing",
  ], stderr);
  assertEquals([code, json.totals.unrepairable], [1, 0]);
});

Deno.test("extended hours of Interactive Brokers are repaired, too, in one request", async () => {
  await using work = await openWorkspace(server);
  await using tws = startFakeTws();
  const [first, end] = [utc("2024-01-02T09:00"), utc("2024-01-03T01:00")];
  const day = Array.from({ length: (end - first) / MINUTE }, (_, at) => first + at * MINUTE);
  await store(work, { ...AAPL, provider: "ibkr" }, day.filter((_, at) => at < 100 || at > 120));
  const prices = { open: 2, high: 4, low: 1, close: 3, volume: 7, count: 5, wap: 3 };
  tws.history.push(...day.toSpliced(110, 1).map((ts) => ({ symbol: "AAPL", ts, ...prices })));
  const { code, json, stderr } = await gaps(work, tws.variables, "--repair", "--to", "2024-01-03T08:00Z");
  assertEquals([code, json.totals.repaired, json.totals.noTrade, tws.asked.length], [0, 20, 1, 1], stderr);
});

Deno.test("everything stays missing, without delay, if history cannot be reached", async () => {
  await using work = await openWorkspace(server);
  for (let number = 0; number < 20; number++) {
    await store(work, { provider: "ibkr", symbol: `S${number}`, timeframe: "1m" }, session(10, 3, 5));
  }
  const nobody = { IBKR_PORT: String(freePort()) };
  const { code, json, stderr } = await gaps(work, nobody, "--repair", ...upTo(10));
  assertEquals([code, json.totals.missing, json.totals.found], [1, 40, 40]);
  assertMatch(stderr, /Provider ibkr failed/);
  assertEquals(await work.query("SELECT count(*)::int AS count FROM series_coverage WHERE NOT isempty(confirmed)"), [{
    count: 0,
  }]);
});

Deno.test("ranges outside the plan are unrepairable, with the reason, and the rest is repaired", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeMassive();
  await store(work, { ...AAPL, provider: "massive" }, session(10, 3));
  await store(work, { ...AAPL, provider: "massive", symbol: "MSFT" }, session(10, 3));
  fake.history.push(marketBar(OPEN + 3 * MINUTE, { symbol: "MSFT" }));
  const message = "Your plan doesn't include this data timeframe";
  fake.script.mishaps.push({ status: 403, body: { status: "NOT_AUTHORIZED", message } });
  const { code, json, stderr } = await gaps(work, fake.variables, "--repair", ...upTo(10));
  assertEquals([code, ranges(json).toSorted()], [1, ["3+1 repaired", "3+1 unrepairable"]], stderr);
  assertMatch(
    json.ranges.find(({ state }: { state: string }) => state === "unrepairable").reason,
    /plan doesn't include/,
  );
});

Deno.test("a provider without a history cannot repair", async () => {
  await using work = await openWorkspace(server);
  const path = await work.write("bars.csv", [HEADER, csvLine(0), csvLine(2), ""].join("\n"));
  await work.ingest(["--file", path]);
  const { code, json, stderr } = await gaps(work, {}, "--repair");
  assertEquals([code, ranges(json)], [1, ["1+1 unrepairable"]]);
  assertStringIncludes(stderr, "replay has no history to repair gaps from");
  assertEquals(json.ranges[0].reason, "replay has no history");
});

Deno.test("a half bar that was stored provisionally is completed", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  await store(work, AAPL, session(3));
  await work.query("UPDATE bar SET status = 'p', volume = 1 WHERE ts = '2024-01-02T14:31Z'");
  fake.history.push(marketBar(OPEN + MINUTE));
  const { code, json } = await gaps(work, fake.variables, "--repair", ...upTo(3));
  assertEquals([code, ranges(json)], [0, ["1+1 repaired"]]);
  assertEquals(await work.query("SELECT status, volume FROM bars WHERE ts = '2024-01-02T14:31Z'"), [
    { status: "final", volume: 7 },
  ]);
});

Deno.test("a stop in the middle ends it: unrepaired bars are still missing, and the exit code is 1", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca({ pageSize: 10 });
  await store(work, AAPL, [OPEN, OPEN + 389 * MINUTE]);
  fake.history.push(...session(390).map((ts) => marketBar(ts)));
  const running = work.start(
    ["gaps", "--database", work.database, "--data-dir", work.dataDir, "--json", "--repair", ...upTo(390)],
    { env: fake.variables },
  );
  await fake.until(() => fake.requests.length === 2);
  running.kill("SIGTERM");
  const { code, json, stderr } = await running.ended;
  const { found, repaired, noTrade, missing } = json.totals;
  assertEquals([code, found, repaired + missing, noTrade], [1, 388, 388, 0], stderr);
  assertEquals(await work.count(), 2 + repaired);
});

Deno.test("the result is still one object if the database fails in the middle, and says so", async () => {
  await using work = await openWorkspace(server);
  await store(work, AAPL, session(10, 3, 5));
  // A role that may read everything but the coverage, which a start does not ask for.
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  await work.query(`CREATE ROLE ${role} LOGIN`);
  await work.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
  await work.query(`REVOKE ALL ON series_coverage FROM ${role}`);
  const database = work.database.replace("postgres@", `${role}@`);
  const { code, json } = await gaps({ ...work, database }, {}, ...upTo(10));
  await work.query(`DROP OWNED BY ${role}`);
  await work.query(`DROP ROLE ${role}`);
  assertEquals([code, json.series, json.ranges], [1, 1, []]);
  assertMatch(json.error, /series_coverage/);
});

Deno.test("the embedded database is repaired by one connection after another", async () => {
  await using work = await openWorkspace();
  await using fake = startFakeAlpaca();
  await store(work, AAPL, session(10, 3, 5));
  fake.history.push(...session(10, 5).map((ts) => marketBar(ts)));
  const { code, json, stderr } = await gaps(work, fake.variables, "--repair", ...upTo(10));
  assertEquals([code, ranges(json)], [0, ["3+1 repaired", "5+1 no-trade"]], stderr);
  assertEquals(await work.count(), 9);
});

import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { rollups } from "../../src/database/timescale/rollups.ts";
import { readState } from "../../src/database/timescale/state.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBar } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { startTimescale } from "../support/timescale.ts";

const { test } = useServer();

const VIEWS = ["bars", "latest_bars", "data_freshness", ...rollups.map(({ view }) => view)];
const VALUES = ["0", "1", "1e300", "1.7e308", "-1.7e308", "1e-300", "5e-324", "NaN", "Infinity", "-Infinity", "NULL"];

/** Stores a bar of each VWAP and volume that a double can be, and of extreme times, beside ordinary ones. */
async function storeExtremes(database: Database, times: readonly string[]): Promise<void> {
  const values = (name: string) => `(VALUES ${VALUES.map((each) => `('${each}')`).join(", ")}) AS ${name} (text)`;
  const number = (name: string) => `nullif(${name}.text, 'NULL')::float8`;
  await select(
    database,
    `INSERT INTO series_key (provider, symbol, timeframe) VALUES ('odd', 'X', '1m'), ('odd', 'Y', '1m');
INSERT INTO bar (series_id, ts, open, high, low, close, volume, vwap, trades, received_at)
SELECT k.id, TIMESTAMPTZ '2024-01-02 00:00Z' + row_number() OVER () * INTERVAL '1 second', p, p, p, p, p,
  ${number("vwap")}, 2147483647, now()
FROM series_key k, ${values("vwap")}, ${values("volume")}, LATERAL (SELECT ${number("volume")} AS p) AS numbers
WHERE k.symbol = 'X' AND volume.text <> 'NULL';
INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at)
SELECT k.id, t, 1, 1, 1, 1, 1, now()
FROM series_key k, unnest('{${times.join(",")}}'::timestamptz[]) AS t WHERE k.symbol = 'Y'`,
  );
}

test("one bar with an enormous value takes no view from readers", async (server) => {
  const { database } = await migratedDatabase(server);
  const odd = { volume: 1e10, vwap: 1e300 };
  assertEquals(await writeOnce(database, [numberedBar(7, 1, odd), numberedBar(14, 2, { vwap: 2 })]), counts(2));
  const [day] = await select(database, "SELECT volume, vwap FROM bars_1d");
  assertEquals(day, { volume: 1e10 + 1, vwap: 2 });
});

test("no value that the tables accept lets a view fail", async (server) => {
  const { database } = await migratedDatabase(server);
  const times = ["infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:00+00", "epoch"];
  await storeExtremes(database, times);
  for (const view of VIEWS) await select(database, `SELECT * FROM ${view}`);
  const [{ volume }] = await select(database, "SELECT volume FROM bars_1d WHERE symbol = 'X'");
  assertEquals(volume, Infinity);
});

test("ordinary VWAPs are the average price by volume", async (server) => {
  const { database } = await migratedDatabase(server);
  const bars = [[3, 10.5], [0, 99], [7.25, 11.25], [1e-9, 12], [2, undefined]] as const;
  await writeOnce(database, bars.map(([volume, vwap], at) => numberedBar(7 * (at + 1), at, { volume, vwap })));
  const [{ vwap, volume }] = await select(database, "SELECT vwap, volume FROM bars_1d");
  assertAlmostEquals(vwap as number, (3 * 10.5 + 7.25 * 11.25 + 1e-9 * 12) / (3 + 7.25 + 1e-9), 1e-12);
  assertAlmostEquals(volume as number, 12.25 + 1e-9, 1e-12);
});

Deno.test("no value that a hypertable accepts lets a continuous aggregate or its refresh fail", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  const problems: Error[] = [];
  await applyTimescale(database, {}, (problem) => problems.push(problem));
  assertEquals(problems, []);
  await storeExtremes(database, ["2000-01-01", "2030-01-01"]);
  for (const view of VIEWS) await select(database, `SELECT * FROM ${view}`);
  for (const { aggregate } of rollups) {
    await select(database, `CALL refresh_continuous_aggregate('${aggregate}', NULL, '2029-01-01')`);
  }
  for (const view of VIEWS) await select(database, `SELECT * FROM ${view}`);

  // One of an older version.
  const day = rollups.find(({ name }) => name === "1d")!;
  await select(
    database,
    `DROP VIEW bars_1d; DROP MATERIALIZED VIEW bar_1d;
CREATE MATERIALIZED VIEW bar_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT s.tenant, s.provider, s.symbol, time_bucket(INTERVAL '1 day', b.ts) AS ts, first(b.open, b.ts) AS open,
  max(b.high) AS high, min(b.low) AS low, last(b.close, b.ts) AS close, sum(b.volume) AS volume,
  sum(b.vwap * b.volume) / nullif(sum(b.volume) FILTER (WHERE b.vwap IS NOT NULL), 0) AS vwap,
  sum(b.trades) AS trades, count(*) AS bars, b.series_id
FROM bar b JOIN series_key s ON s.id = b.series_id WHERE s.timeframe = '1m'
GROUP BY s.tenant, s.provider, s.symbol, b.series_id, time_bucket(INTERVAL '1 day', b.ts)
WITH NO DATA;
CREATE VIEW bars_1d AS ${day.over(await withClient(database, (_, names) => Promise.resolve(names)))};
SELECT add_continuous_aggregate_policy('bar_1d', NULL, INTERVAL '1 day', INTERVAL '7 minutes')`,
  );
  await assertRejects(() => select(database, "SELECT * FROM bars_1d"), Error, "out of range");
  const done = await applyTimescale(database, {}, (problem) => problems.push(problem));
  assertEquals(done, ["recreate bar_1d, so that no value makes it fail"]);
  await select(database, "SELECT * FROM bars_1d");
  const { rollups: now } = await withClient(database, readState);
  assertEquals(now.get("1d")?.refresh?.everySeconds, 7 * 60);
  assertEquals(await applyTimescale(database, {}, (problem) => problems.push(problem)), []);
  assertEquals(problems, []);
});

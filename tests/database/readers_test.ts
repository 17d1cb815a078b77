import { assert, assertEquals } from "@std/assert";
import type { Database } from "../../src/database/database.ts";
import { select, writeOnce } from "../support/lanes.ts";
import { minuteBars } from "../support/rollups.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

const MINUTE = 60_000;
/** The time of the README's as-of join. */
const NOON = Date.UTC(2024, 10, 24, 12);

/** What the README shows to readers. */
async function readExamples(): Promise<string[]> {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const section = readme.slice(readme.indexOf("### For readers"), readme.indexOf("### TimescaleDB"));
  const lines = section.split("\n").filter((line) => line.startsWith("    "));
  return lines.join("\n").split(";").filter((sql) => sql.trim() !== "");
}

/** Bars until now, and around the time of the README's example. */
async function fill(database: Database): Promise<void> {
  const symbols = ["BTC/USD", "ETH/USD"];
  const hourAgo = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
  const bars = [...minuteBars(hourAgo, 60, symbols), ...minuteBars(NOON - 30 * MINUTE, 90, symbols)];
  await writeOnce(database, bars.map((bar) => ({ ...bar, provider: "kraken" })));
}

test("the README's queries work", async (server) => {
  const { database } = await migratedDatabase(server);
  await fill(database);
  const answers = [];
  for (const sql of await readExamples()) answers.push(await select(database, sql));
  assertEquals(answers.length, 6);
  const [candles, days, asOf, gaps, freshness, behind] = answers;
  assert(candles.length > 40 && days.length >= 1);
  assertEquals(asOf.map(({ symbol, ts }) => [symbol, ts]), [
    ["BTC/USD", new Date(NOON - MINUTE)],
    ["ETH/USD", new Date(NOON + 6 * MINUTE)],
  ]);
  assert(gaps.length > 0);
  assert(gaps.every(({ from, to }) => (from as Date) < (to as Date)));
  assertEquals(freshness.map(({ provider, series }) => [provider, Number(series)]), [["kraken", 2], ["kraken", 2]]);
  assertEquals(behind.map(({ symbol }) => symbol).sort(), ["BTC/USD", "ETH/USD"]);
});

test("latest_bars, series and data_freshness say how far each series reaches", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, minuteBars(NOON, 60, ["AAA"]));
  await writeOnce(database, minuteBars(NOON, 30, ["BBB"]));
  await select(database, "INSERT INTO series (provider, symbol, timeframe) VALUES ('mock', 'EMPTY', '1m')");
  const expected = await select(
    database,
    `SELECT symbol, timeframe, min(ts) AS first_ts, max(ts) AS last_ts, count(*)::int AS bars FROM bars
GROUP BY symbol, timeframe ORDER BY symbol, timeframe`,
  );
  assertEquals(
    await select(
      database,
      "SELECT symbol, timeframe, first_ts, last_ts, bars::int FROM series WHERE bars > 0 ORDER BY symbol, timeframe",
    ),
    expected,
  );
  assertEquals(await select(database, "SELECT first_ts, last_ts, bars::int FROM series WHERE symbol = 'EMPTY'"), [
    { first_ts: null, last_ts: null, bars: 0 },
  ]);
  assertEquals(
    await select(database, "SELECT symbol, timeframe, ts AS last_ts FROM latest_bars ORDER BY symbol, timeframe"),
    expected.map(({ symbol, timeframe, last_ts }) => ({ symbol, timeframe, last_ts })),
  );
  const [one] = await select(database, "SELECT last_ts, most_behind_ts FROM data_freshness WHERE timeframe = '1m'");
  const [aaa, bbb] = ["AAA", "BBB"].map((symbol) =>
    expected.find((row) => row.symbol === symbol && row.timeframe === "1m")!.last_ts
  );
  assertEquals(one, { last_ts: aaa, most_behind_ts: bbb });
});

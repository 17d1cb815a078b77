import { assertEquals } from "@std/assert";
import { select, writeOnce } from "../support/lanes.ts";
import { tryExamples, tryRemoval } from "../support/examples.ts";
import { minuteBars } from "../support/rollups.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

const NOON = Date.UTC(2024, 10, 24, 12);

test("the documentation's queries work", async (server) => {
  const { database } = await migratedDatabase(server);
  await tryExamples(database);
});

test("the documentation's statements remove a series with all that belongs to it, and then everything", async (server) => {
  const { database } = await migratedDatabase(server);
  await tryRemoval(database);
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

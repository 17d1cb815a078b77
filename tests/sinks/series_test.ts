import { assert, assertEquals, assertRejects } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { createSeriesIndex } from "../../src/sinks/postgres/series.ts";
import { numberedBar, numberedBars, numbers, storedNumbers } from "../support/numbered.ts";
import { barSink, counts, never, recordStatements, select, withLane, writeOnce } from "../support/lanes.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { test } = useServer();

/** A bar of each of many series. */
function manySeries(count: number) {
  return numbers(count).map((number) => numberedBar(number, number, { symbol: `SYM${number}` }));
}

test("a series that several connections meet at once gets one id, and all agree on it", async (server) => {
  const { database } = await migratedDatabase(server);
  const bars = manySeries(200);
  const lanes = 6;
  const found = await Promise.all(
    numbers(lanes).map((lane) =>
      withClient(database, (client, names) => {
        // Each meets the series in an order of its own.
        const mine = lane % 2 === 0 ? bars : bars.toReversed();
        return createSeriesIndex({ client, names, tenant: "default" }).intern(rowsOf(mine)).then((ids) =>
          lane % 2 === 0 ? ids : ids.reverse()
        );
      })
    ),
  );
  for (const ids of found) assertEquals(ids, found[0]);
  assertEquals(new Set(found[0]).size, 200);
  assertEquals(await select(database, "SELECT count(*)::int AS count FROM series"), [{ count: 200 }]);
});

test("series differ by provider, symbol, timeframe and tenant, with any characters in them", async (server) => {
  const { database } = await migratedDatabase(server);
  const symbols = ["AAPL", "aapl", "BRK B", "貴州茅台", "A'B\"C", "{a,b}", "null", "a\\b", "NULL", "€"];
  const bars = symbols.flatMap((symbol) => [
    numberedBar(0, 0, { symbol }),
    numberedBar(0, 0, { symbol, provider: "other" }),
    numberedBar(0, 0, { symbol, timeframe: "5m" }),
  ]);
  await withClient(database, async (client, names) => {
    const ids = await createSeriesIndex({ client, names, tenant: "default" }).intern(rowsOf(bars));
    const theirs = await createSeriesIndex({ client, names, tenant: "other" }).intern(rowsOf(bars));
    assertEquals(new Set([...ids, ...theirs]).size, bars.length * 2);
    const { rows } = await client.query(
      "SELECT provider, symbol, timeframe FROM series WHERE tenant = 'default' ORDER BY array_position($1::int[], id)",
      [[...ids]],
    );
    assertEquals(rows, bars.map(({ provider, symbol, timeframe }) => ({ provider, symbol, timeframe })));
  });
});

test("a series is asked for once in the life of a connection", async (server) => {
  const { database } = await migratedDatabase(server);
  const recorded = recordStatements(database);
  await withLane(recorded, async (lane) => {
    await lane.write(rowsOf(manySeries(20)), never);
    const first = recorded.statements.length;
    await lane.write(rowsOf(manySeries(20).map((each) => ({ ...each, ts: each.ts + 60_000 }))), never);
    assertEquals(recorded.statements.slice(first), ["COPY"]);
  });
});

test("known series are forgotten with the connection", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const recorded = recordStatements(database);
  await withLane(recorded, async (lane) => {
    await lane.write(rowsOf(numberedBars(70)), never);
    // As after a failover to a server that lacks the last commits: the same ids now mean other series.
    await server.query("TRUNCATE series_key RESTART IDENTITY; TRUNCATE bar", url);
    await server.query("INSERT INTO series (provider, symbol, timeframe) VALUES ('numbered', 'ANOTHER', '1m')", url);
    await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'barline'");
    // Whether the lane hears of that before it writes is a matter of chance.
    const write = () => lane.write(rowsOf(numberedBars(70)), never);
    assertEquals(await write().catch(write), counts(70));
  });
  assertEquals(recorded.clients.length, 2);
  assertEquals(await storedNumbers(database), numbers(70));
});

test("a refused batch leaves its new series in place for the next", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await server.query("ALTER TABLE bar ADD CONSTRAINT no_zero CHECK (open > 0)", url);
  await withLane(database, async (lane) => {
    await assertRejects(() => lane.write(rowsOf(numberedBars(70)), never));
    assertEquals(await lane.write(rowsOf(numberedBars(69, 1)), never), counts(69));
  });
  assertEquals(await storedNumbers(database), numbers(69, 1));
});

test("several lanes that begin with the same new series all store their rows under it", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database);
  await Promise.all(
    numbers(6).map(async (at) => {
      await using lane = sink.openLane();
      assertEquals(await lane.write(rowsOf(numberedBars(70, at * 70)), never), counts(70));
    }),
  );
  assertEquals(await storedNumbers(database), numbers(420));
  assertEquals(await select(database, "SELECT count(*)::int AS count FROM series"), [{ count: 7 }]);
});

test("ids are not wasted while series are known", async (server) => {
  const { database } = await migratedDatabase(server);
  for (let round = 0; round < 5; round++) await writeOnce(database, numberedBars(70, round * 70));
  const [{ highest }] = await select(database, "SELECT max(id) AS highest FROM series");
  assert(highest as number <= 7, `7 series have ids up to ${highest}`);
});

import { assertEquals } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { ALWAYS, chooseSeries, deleteRows, moveRows } from "../../src/database/series_rows.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { rowsOf } from "../support/frames.ts";
import { never, select } from "../support/lanes.ts";
import { partitionBars } from "../support/partitions.ts";
import { minuteBars } from "../support/rollups.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { startTimescale } from "../support/timescale.ts";

const { test } = useServer();
const MARCH = Date.UTC(2024, 2, 1);
const HOUR = 3_600_000;

/** Bars of a symbol from an hour of the day on, each received when it ends plus `lateMs`. */
function barsOf(symbol: string, hour: number, count: number, lateMs: number): Bar[] {
  return minuteBars(MARCH + hour * HOUR, count, [symbol]).map((bar) => ({
    ...{ ...bar, provider: "replay", timeframe: "1m" },
    ...{ volume: lateMs + bar.ts % 977, receivedAt: (bar.ts + 60_000 + lateMs) * 1000 },
  }));
}

/** Deletes an hour of one symbol, renames it to another that has half of its minutes, and compares with a list of the bars. */
async function deleteAndRename(database: Database, settle: () => Promise<void>): Promise<void> {
  const [old, other, bystander] = [barsOf("FB", 0, 600, 5), barsOf("META", 3, 600, 1), barsOf("AAPL", 0, 600, 3)];
  const kind = recordKind("bar");
  const sink = openPostgresSink({ database, kind, deadlineMs: 60_000 });
  await using lane = sink.openLane();
  await lane.write(rowsOf([...old, ...other, ...bystander]), never);
  await settle();
  const hour = { first: "2024-03-01 01:00Z", last: "2024-03-01 01:59:59Z" };
  const isDeleted = ({ ts }: Bar) => ts >= MARCH + HOUR && ts < MARCH + 2 * HOUR;
  const rest = old.filter((bar) => !isDeleted(bar));
  const choose = (symbol: string) =>
    withClient(
      database,
      (client, names) => chooseSeries(client, names, { tenant: "default", kind: "bar", symbols: [symbol] }),
    );
  const [series] = await choose("FB");
  assertEquals(
    await withClient(database, (client, names) => deleteRows(client, names, series, hour)),
    old.length - rest.length,
  );
  await settle();
  assertEquals(
    await withClient(database, (client, names) => moveRows(client, names, series, "default", "META")),
    { moved: rest.length, superseded: 0 },
  );
  assertEquals(await choose("FB"), []);
  const [gone] = await choose("AAPL");
  assertEquals(
    await withClient(database, (client, names) => deleteRows(client, names, gone, ALWAYS)),
    bystander.length,
  );
  // FB's bars were received later than those of META for the same minute.
  const expected = new Map([...other, ...rest].map(({ ts, volume }) => [ts, volume]));
  const rows = await select(
    database,
    "SELECT symbol, extract(epoch FROM ts)::float8 * 1000 AS ts, volume FROM bars ORDER BY ts",
  );
  assertEquals(
    rows,
    [...expected].sort(([a], [b]) => a - b).map(([ts, volume]) => ({ symbol: "META", ts, volume })),
  );
  await settle();
  const hours = await select(database, "SELECT symbol, ts::text, volume FROM bars_1h WHERE volume > 0 ORDER BY ts");
  const sums = await select(
    database,
    "SELECT symbol, date_trunc('hour', ts)::text AS ts, sum(volume) AS volume FROM bars GROUP BY 1, 2 ORDER BY 2",
  );
  assertEquals(hours, sums);
}

test("rows of a partitioned table are deleted and renamed", async (server) => {
  const { database } = await migratedDatabase(server);
  await partitionBars(database);
  await deleteAndRename(database, () => Promise.resolve());
});

Deno.test("rows of compressed chunks are deleted and renamed, and the roll-ups follow", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  await applyTimescale(database, {}, (problem) => Promise.reject(problem));
  await deleteAndRename(database, async () => {
    await select(database, "SELECT count(compress_chunk(chunk, true))::int FROM show_chunks('bar') AS chunk");
    await select(database, "CALL refresh_continuous_aggregate('bar_1h', NULL, NULL)");
  });
});

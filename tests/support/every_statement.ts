/**
 * All that a run does with a database, to compare what it says in different ones.
 *
 * @module
 */
import { leaseTimes } from "../../src/cluster/lease.ts";
import { createPostgresLeaseStore } from "../../src/cluster/postgres_lease.ts";
import { readShardLags } from "../../src/cluster/shard_lags.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { type Database, withClient } from "../../src/database/database.ts";
import { readNewest } from "../../src/database/newest.ts";
import { listSeries } from "../../src/gaps/series.ts";
import { readBars } from "../../src/http/api/bars.ts";
import { listSeries as listSymbols } from "../../src/http/api/series.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import { select, writeOnce } from "./lanes.ts";
import { numberedBar, numberedBars } from "./numbered.ts";
import { confirmRanges, gapsOf } from "./stored_series.ts";

/** A series of the bars. */
const SERIES = { tenant: "default", provider: "numbered", symbol: "S3", timeframe: "1m" };
const NOW = Date.UTC(2024, 0, 2, 16);

/** Writes and reads by every statement of a run, and gives what they say. */
export async function useEveryStatement(database: Database): Promise<unknown> {
  // Two of a hundred are missing, and the second of these is known to have had no trades.
  const written = [
    await writeOnce(database, numberedBars(100).filter(({ open }) => open !== 10 && open !== 24)),
    await writeOnce(database, [numberedBar(3, 5000, { close: 2.5, low: 2 }), numberedBar(100)]),
  ];
  const [series] = await withClient(
    database,
    (client, names) => listSeries(client, names, { tenant: "default", providers: ["numbered"], symbols: ["S3"] }),
  );
  await withClient(
    database,
    (client, names) =>
      confirmRanges(client, names, series.id, [{ from: series.first + 3 * 60_000, to: series.first + 4 * 60_000 }]),
  );
  const gaps = await gapsOf({
    database,
    seriesId: series.id,
    calendar: calendarOf("kraken", "BTC/USD")!,
    from: "2024-01-02T14:30",
    to: "2024-01-02T14:40",
  });
  const coverage = keepCoverageInDatabase({
    tenant: "default",
    writer: "here",
    run: (work) => withClient(database, work),
  });
  const owner = { provider: "numbered", timeframe: "1m" };
  const [from, to] = [series.first, series.newest];
  const found = { reason: "hole", foundAt: NOW, dueAt: NOW, attempts: 0 } as const;
  await coverage.save(owner, [{
    symbol: "S3",
    confirmed: [[from, to]],
    doubts: [{ ...found, from, to: from + 60_000 }],
  }]);
  await coverage.save(owner, [{ symbol: "S3", confirmed: [[from, from + 30_000]], doubts: [] }]);
  const { of } = await withClient(database, (_, names) => Promise.resolve(names));
  const bar = of("bar");
  await select(database, `DELETE FROM ${bar} WHERE ts = (SELECT max(b.ts) FROM ${bar} b)`);
  return {
    written,
    series,
    gaps,
    coverage: Array.from(
      (await coverage.load(owner)).entries(),
      (
        [symbol, { confirmed, doubts }],
      ) => [symbol, confirmed, doubts.map(({ from, to, reason }) => [from, to, reason])],
    ),
    starts: await coverage.starts!(owner, new Map([["S3", [from, to]]])),
    newest: await withClient(database, (client, names) => readNewest(client, names, "default", "numbered", "1m")),
    symbols: await withClient(
      database,
      (client, names) => listSymbols(client, names, { tenant: "default", search: "S", now: NOW }),
    ),
    bars: await withClient(database, (client, names) => readBars(client, names, SERIES, 5)),
    lags: await withClient(
      database,
      async (client, names) => [...await readShardLags(client, names, 4)].map(([shard]) => shard),
    ),
    leases: await useLeases(database),
    views: await Promise.all(
      ["bars", "latest_bars", "bars_5m", "bars_15m", "bars_1h", "bars_1d"].map(async (view) =>
        await select(database, `SELECT * FROM ${of(view)} ORDER BY symbol, ts`)
      ),
    ),
    freshness: await select(database, `SELECT provider, last_ts, series FROM ${of("data_freshness")}`),
    counts: await select(database, `SELECT symbol, first_ts, last_ts, bars FROM ${of("series")} ORDER BY symbol`),
  };
}

/** Joins a cluster, takes a shard, and says which is held and by how many. */
async function useLeases(database: Database): Promise<unknown> {
  const times = leaseTimes(10);
  const store = createPostgresLeaseStore({ database, cluster: "c", times });
  const report = {
    instance: "a",
    host: "here",
    pid: 1,
    version: "0",
    startedAt: 0,
    shards: 4,
    holdMs: times.holdMs,
    isLeaving: false,
    waiting: 0,
  };
  await using lease = await store.join("00000000-0000-4000-8000-000000000001", report, new AbortController().signal);
  const taken = await lease.claim([2]);
  const { members, blocked } = await lease.heartbeat(report, taken);
  return { taken, held: members.map(({ held, isAlive }) => [held, isAlive]), blocked: blocked.size };
}

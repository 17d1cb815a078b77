/**
 * How far behind the bars of each shard are, as the table shows it.
 *
 * @module
 */
import type { Client } from "pg";
import { shardOf } from "../records/shard.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";

/** One shard's stored series. */
export interface ShardLag {
  /** How many there are. */
  readonly series: number;
  /** Start of the newest bar of any of them, in epoch seconds. */
  readonly newest: number;
  /** Time since its end, in seconds. */
  readonly lagSeconds: number;
}

/** Reads the lag of each shard that has bars. */
export async function readShardLags(client: Client, shards: number): Promise<ReadonlyMap<number, ShardLag>> {
  const { rows } = await client.query<{ symbol: string; timeframe: string; newest: number }>(
    "SELECT l.symbol, l.timeframe, extract(epoch FROM l.ts)::float8 AS newest FROM latest_bars l",
  );
  const now = Date.now() / 1000;
  const lags = new Map<number, ShardLag>();
  for (const { symbol, timeframe, newest } of rows) {
    const shard = shardOf(symbol, shards);
    const before = lags.get(shard);
    const lagSeconds = Math.max(0, now - newest - (TIMEFRAMES.get(timeframe) ?? 0) / 1000);
    lags.set(shard, {
      series: (before?.series ?? 0) + 1,
      newest: Math.max(newest, before?.newest ?? -Infinity),
      lagSeconds: Math.min(lagSeconds, before?.lagSeconds ?? Infinity),
    });
  }
  return lags;
}

/**
 * Reads the age of the newest stored bars of each shard.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../database/names.ts";
import { shardOf } from "../records/shard.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";

/** The stored series of one shard. */
export interface ShardLag {
  /** Number of series. */
  readonly series: number;
  /** Start of the newest bar of any of them, in epoch seconds. */
  readonly newest: number;
  /** Time since its end, in seconds. */
  readonly lagSeconds: number;
}

/** Reads the lag of each shard that has bars. */
export async function readShardLags(
  client: Client,
  { of }: Names,
  shards: number,
): Promise<ReadonlyMap<number, ShardLag>> {
  const { rows } = await client.query<{ symbol: string; timeframe: string; newest: number }>(
    `SELECT l.symbol, l.timeframe, extract(epoch FROM l.ts)::float8 AS newest FROM ${of("latest_bars")} l`,
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

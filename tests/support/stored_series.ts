/**
 * Series of bars in a database, to look for gaps in.
 *
 * @module
 */
import type { Client } from "pg";
import type { Calendar, Range } from "../../src/calendar/mod.ts";
import { withClient } from "../../src/database/database.ts";
import type { Database } from "../../src/database/database.ts";
import type { Names } from "../../src/database/names.ts";
import { findGaps, type Gap } from "../../src/gaps/scan.ts";
import type { SeriesKey } from "../../src/records/record.ts";

/** Epoch ms of an ISO time without its zone, which is UTC. */
export const utc = (iso: string): number => Date.parse(`${iso}Z`);

/** All starts from one time to before another. */
export function starts(from: string, to: string, stepMs = 60_000): number[] {
  const all: number[] = [];
  for (let ms = utc(from); ms < utc(to); ms += stepMs) all.push(ms);
  return all;
}

/** Stores bars that start at these times, and gives the number of their series. */
export async function storeSeries(
  database: Database,
  { provider, symbol, timeframe }: SeriesKey,
  starts: readonly number[],
  status = "f",
): Promise<number> {
  return await withClient(database, async (client) => {
    await client.query(
      "INSERT INTO series (provider, symbol, timeframe) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      [provider, symbol, timeframe],
    );
    const { rows } = await client.query(
      "SELECT id FROM series WHERE (provider, symbol, timeframe) = ($1, $2, $3)",
      [provider, symbol, timeframe],
    );
    await client.query(
      `INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at, status)
      SELECT $1, to_timestamp(seconds), 1, 1, 1, 1, 1, now(), $3 FROM unnest($2::float8[]) AS seconds`,
      [rows[0].id, starts.map((ms) => ms / 1000), status],
    );
    return rows[0].id;
  });
}

/** Confirms ranges of a series. */
export async function confirmRanges(
  client: Client,
  { of }: Names,
  seriesId: number,
  ranges: readonly Range[],
): Promise<void> {
  await client.query(
    `INSERT INTO ${of("series_coverage")} AS stored (series_id, updated_by, updated_at, confirmed)
SELECT $1, 'test', now(), coalesce(range_agg(tstzrange(to_timestamp(r.starts), to_timestamp(r.ends))), '{}')
FROM unnest($2::float8[], $3::float8[]) AS r (starts, ends)
ON CONFLICT (series_id) DO UPDATE SET confirmed = stored.confirmed + excluded.confirmed`,
    [seriesId, ranges.map(({ from }) => from / 1000), ranges.map(({ to }) => to / 1000)],
  );
}

/** What to scan, with times as text. */
export interface Wanted {
  database: Database;
  seriesId: number;
  calendar: Calendar;
  stepMs?: number;
  from: string;
  to: string;
}

/** The gaps of a series, as text: `2024-07-03T15:00 to 2024-07-03T15:05`. */
export async function gapsOf(wanted: Wanted): Promise<string[]> {
  const { database, stepMs = 60_000, from, to, ...rest } = wanted;
  return await withClient(database, async (client, names) => {
    const gaps = await Array.fromAsync(findGaps({ client, names, stepMs, from: utc(from), to: utc(to), ...rest }));
    return gaps.map(describeGap);
  });
}

function describeGap({ from, to, isNoTrade }: Gap): string {
  const [first, last] = [from, to].map((ms) => new Date(ms).toISOString().slice(0, 16));
  return `${first} to ${last}${isNoTrade ? " no trade" : ""}`;
}

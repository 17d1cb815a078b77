/**
 * Finds the bars that a series lacks by its calendar.
 *
 * The database finds the places where one bar does not follow the other, some thousand bars at a time; only these are
 * sent, and compared with the calendar here. Memory does not grow with the series, and no statement runs long.
 *
 * @module
 */
import type { Client } from "pg";
import type { Calendar, Range } from "../calendar/mod.ts";
import type { Doubt } from "../coverage/coverage.ts";
import type { Names } from "../database/names.ts";
import { readKnown } from "./known.ts";

/** A run of expected bars that are missing, from the start of the first to the end of the last. */
export interface Gap extends Range {
  /** Whether it is confirmed that the bars do not exist. */
  readonly isNoTrade: boolean;
  /** The doubt about the bars. */
  readonly doubt?: Doubt;
}

/** Options of {@linkcode findGaps}. */
export interface ScanOptions {
  readonly client: Client;
  readonly names: Names;
  readonly seriesId: number;
  readonly calendar: Calendar;
  /** Length of a bar, in milliseconds. */
  readonly stepMs: number;
  /** Bars that start at or after it are expected, in epoch ms. */
  readonly from: number;
  /** Bars that start before it are expected, in epoch ms. */
  readonly to: number;
}

/** Bars that the database reads in one statement: a moment of work, and a bound for the answer. */
const BARS_AT_ONCE = 50_000;

// A bar that is still provisional is incomplete: its final state did not come.
const neighboursQuery = ({ of }: Names) =>
  `SELECT (extract(epoch FROM n.previous) * 1000)::float8 AS previous,
  (extract(epoch FROM n.ts) * 1000)::float8 AS ts
FROM (
  SELECT part.ts, lag(part.ts) OVER bars AS previous, lead(part.ts) OVER bars AS next FROM (
    SELECT b.ts FROM ${of("bar")} b
    WHERE b.series_id = $1 AND b.ts >= to_timestamp($2) AND b.ts < to_timestamp($3) AND b.status <> 'p'
    ORDER BY b.ts LIMIT ${BARS_AT_ONCE}
  ) AS part WINDOW bars AS (ORDER BY part.ts)
) AS n
WHERE n.previous IS NULL OR n.next IS NULL OR n.ts - n.previous > make_interval(secs => $4)
ORDER BY n.ts`;

/** The gaps of a series in order, split where the market closes or their state changes. */
export async function* findGaps(options: ScanOptions): AsyncGenerator<Gap> {
  const { client, names, seriesId, calendar, stepMs } = options;
  const from = Math.ceil(options.from / stepMs) * stepMs;
  const to = Math.ceil(options.to / stepMs) * stepMs;
  const known = await readKnown(client, names, seriesId, from, to);
  let next = 0;
  for await (const hole of findHoles({ ...options, from, to })) {
    for (const run of calendar.starts(hole.from, hole.to, stepMs)) {
      for (let at = run.from; at < run.to;) {
        while (next < known.length && known[next].to <= at) next++;
        const about = known[next];
        const isKnown = about !== undefined && about.from <= at;
        const end = Math.min(run.to, isKnown ? about.to : about?.from ?? Infinity);
        yield {
          from: at,
          to: end,
          isNoTrade: isKnown && about.doubt === undefined,
          doubt: isKnown ? about.doubt : undefined,
        };
        at = end;
      }
    }
  }
}

/** Ranges without bars, expected or not. Both ends of the range are multiples of the step. */
async function* findHoles({ client, names, seriesId, stepMs, from, to }: ScanOptions): AsyncGenerator<Range> {
  /** End of the holes that were returned. */
  let position = from;
  while (position < to) {
    const { rows } = await client.query<{ previous: number | null; ts: number }>({
      name: "find-holes",
      text: neighboursQuery(names),
      values: [seriesId, position / 1000, to / 1000, stepMs / 1000],
    });
    if (rows.length === 0) break;
    for (const { previous, ts } of rows) {
      // A source may start its bars at minutes that do not divide the hour or the day.
      if (previous !== null) position = slotOf(previous, stepMs) + stepMs;
      const slot = slotOf(ts, stepMs);
      if (slot > position) yield { from: position, to: slot };
      position = slot + stepMs;
    }
  }
  if (position < to) yield { from: position, to };
}

function slotOf(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}

/**
 * `GET /api/bars`: the newest bars of one series, for a chart.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../../database/names.ts";
import { calendarOf } from "../../providers/mod.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";

/** A bar of a chart; `ts` is its start in epoch seconds. */
export interface ChartBar {
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly status: "final" | "provisional" | "correction";
}

/** Names of one series. */
export interface SeriesNames {
  readonly tenant: string;
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
}

const newestQuery = ({ of }: Names) =>
  `SELECT extract(epoch FROM b.ts)::float8 AS ts, b.open, b.high, b.low, b.close, b.volume, b.status FROM ${
    of("bars")
  } b
WHERE b.series_id =
  (SELECT s.id FROM ${of("series")} s WHERE s.tenant = $1 AND s.provider = $2 AND s.symbol = $3 AND s.timeframe = $4)
ORDER BY b.ts DESC LIMIT $5`;

/** The newest `limit` bars of a series, oldest first; empty for an unknown series. */
export async function readBars(
  client: Client,
  names: Names,
  series: SeriesNames,
  limit: number,
): Promise<ChartBar[]> {
  const { tenant, provider, symbol, timeframe } = series;
  const { rows } = await client.query(newestQuery(names), [tenant, provider, symbol, timeframe, limit]);
  return rows.reverse();
}

/** Consecutive missing bars: the start of the first and the end of the last in epoch seconds, and their number. */
export interface ChartGap {
  readonly from: number;
  readonly to: number;
  readonly bars: number;
}

/** Most expected bars to check: a chart of a series with few bars may span years. */
const MAX_EXPECTED = 20_000;

/** Finds missing bars between the first and the last one, by the calendar of the series' market. */
export function findGaps(bars: readonly ChartBar[], { provider, symbol, timeframe }: SeriesNames): ChartGap[] {
  const calendar = calendarOf(provider, symbol);
  const stepMs = TIMEFRAMES.get(timeframe);
  if (bars.length === 0 || calendar === undefined || stepMs === undefined) return [];
  const has = new Set(bars.map(({ ts }) => ts * 1000));
  const gaps: { from: number; to: number; bars: number }[] = [];
  let looked = 0;
  for (const run of calendar.starts(bars[0].ts * 1000, bars.at(-1)!.ts * 1000, stepMs)) {
    let open: { from: number; to: number; bars: number } | undefined;
    for (let ts = run.from; ts < run.to && looked < MAX_EXPECTED; ts += stepMs, looked++) {
      if (has.has(ts)) {
        open = undefined;
        continue;
      }
      if (open === undefined) gaps.push(open = { from: ts / 1000, to: ts / 1000, bars: 0 });
      open.to = (ts + stepMs) / 1000;
      open.bars++;
    }
  }
  return gaps;
}

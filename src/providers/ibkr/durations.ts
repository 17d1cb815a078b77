/**
 * Durations of requests for history.
 *
 * IBKR documents two tables of durations, an older one of the largest steps and a newer one of the valid ones. These
 * are the largest of each bar size that both allow: they return up to a few thousand bars, as IBKR requests.
 *
 * @module
 */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A duration, and the range that an answer to it covers. */
export interface Duration {
  /** In TWS's notation: `28800 S`, `1 D`. */
  readonly text: string;
  /** How far it reaches back by the calendar, in milliseconds. */
  readonly reachMs: number;
  /**
   * How far an answer without bars covers at least, in milliseconds. TWS counts all durations but seconds in trading
   * days, and the last of those may have just begun: one day proves nothing.
   */
  readonly sureMs: number;
}

const days = (count: number): Duration => ({
  text: `${count} D`,
  reachMs: count * DAY_MS,
  sureMs: (count - 1) * 20 * HOUR_MS,
});
const WEEK: Duration = { text: "1 W", reachMs: 7 * DAY_MS, sureMs: 4 * DAY_MS };
const MONTH: Duration = { text: "1 M", reachMs: 28 * DAY_MS, sureMs: 20 * DAY_MS };
const YEAR: Duration = { text: "1 Y", reachMs: 365 * DAY_MS, sureMs: 250 * DAY_MS };

/**
 * Longest bars of each row, in milliseconds; the largest number of seconds; and the other durations, shortest first.
 */
const TABLE: readonly (readonly [stepMs: number, seconds: number, others: readonly Duration[]])[] = [
  [5_000, 3_600, []],
  [15_000, 14_400, []],
  [30_000, 28_800, []],
  [60_000, 28_800, [days(1)]],
  [120_000, 28_800, [days(1), days(2)]],
  [15 * 60_000, 28_800, [days(1), WEEK]],
  [HOUR_MS, 28_800, [WEEK, MONTH]],
  [8 * HOUR_MS, 0, [WEEK, MONTH]],
  [DAY_MS, 0, [WEEK, MONTH, YEAR]],
];

/**
 * The shortest duration that reaches back by `rangeMs` for bars of that length; the longest one if none reaches that
 * far.
 */
export function durationOf(rangeMs: number, stepMs: number): Duration {
  const [, seconds, others] = rowOf(stepMs);
  const wholeMs = Math.max(60_000, Math.ceil(rangeMs / stepMs) * stepMs);
  if (wholeMs <= seconds * 1000 || others.length === 0) return inSeconds(Math.min(wholeMs, seconds * 1000));
  return others.find(({ reachMs }) => reachMs >= rangeMs) ?? others.at(-1)!;
}

/** The longest duration for bars of that length. */
export const longestDuration = (stepMs: number): Duration => durationOf(Infinity, stepMs);

/** The longest duration in seconds, for which an answer without bars leaves no doubt. */
export const surestDuration = (stepMs: number): Duration => inSeconds(rowOf(stepMs)[1] * 1000);

const rowOf = (stepMs: number) => TABLE.find(([longestMs]) => stepMs <= longestMs)!;
const inSeconds = (ms: number): Duration => ({ text: `${ms / 1000} S`, reachMs: ms, sureMs: ms });

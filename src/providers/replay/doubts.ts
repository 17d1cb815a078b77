/**
 * Finds implausible values among readable bars, which show wrong settings.
 *
 * @module
 */
import type { Bar } from "../../records/bar.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";

/** Fewest bars for a statement about all. */
const FEW = 5;
const DAY_MS = 86_400_000;
const WEEKEND: readonly number[] = [0, 6];

/** Warnings, as sentences with advice; `bars` come from consecutive rows, in order. */
export function findDoubts(bars: readonly Bar[], stamp: string | undefined): string[] {
  if (bars.length < FEW) return [];
  const doubts: string[] = [];
  const every = (test: (bar: Bar) => boolean) => bars.every(test);
  if (every(({ high, low }) => high < low)) {
    doubts.push(
      "High is below low in every row: are the columns in another order? --column high=NAME --column low=NAME",
    );
  } else if (every(({ open, high, low, close }) => high < Math.max(open, close) || low > Math.min(open, close))) {
    doubts.push("Open or close lie outside high and low in every row: are the columns in another order?");
  }
  if (
    every(({ open, close }) => Number.isInteger(open) && Number.isInteger(close) && Math.min(open, close) >= 100_000)
  ) {
    doubts.push("All prices are whole numbers above 100,000: are they 10,000 times too large? --price-scale 0.0001");
  }
  if (every(({ volume }) => volume === 0)) doubts.push("All volumes are 0");
  else if (every(({ volume }) => volume % 100 === 0)) {
    doubts.push("All volumes are multiples of 100: they may be rounded, or in lots");
  }
  if (every(({ ts }) => Math.floor(ts / 1000) % 60 === 59)) {
    doubts.push("All times end in :59: they may be the end of their bars, --stamp end");
  }
  doubts.push(...findWrongLength(bars), ...findRepeats(bars));
  const [first] = bars;
  if (stamp === "start" && TIMEFRAMES.get(first.timeframe) === 60_000) {
    const opens = bars.filter(({ ts }) => minuteOfNewYork(ts) === 9 * 60 + 30).length;
    const after = bars.filter(({ ts }) => minuteOfNewYork(ts) === 9 * 60 + 31).length;
    if (opens === 0 && after > 0 && minuteOfNewYork(first.ts) === 9 * 60 + 31) {
      doubts.push("The first bar is that of 09:31 in New York: times may be the end of their bars, --stamp end");
    }
  }
  if (
    every(({ timeframe }) => timeframe === "1d") && bars.some(({ ts }) => WEEKEND.includes(new Date(ts).getUTCDay()))
  ) {
    doubts.push("Some days are on a weekend, when only crypto trades: is the zone of the dates right?");
  }
  return doubts;
}

/** Warns if most distances between bars differ from the timeframe. */
function findWrongLength(bars: readonly Bar[]): string[] {
  const counts = new Map<number, number>();
  let total = 0;
  const last = new Map<string, number>();
  for (const { symbol, ts } of bars) {
    const before = last.get(symbol);
    last.set(symbol, ts);
    if (before === undefined || before === ts) continue;
    const distance = Math.abs(ts - before);
    counts.set(distance, (counts.get(distance) ?? 0) + 1);
    total++;
  }
  const [common, count] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? [0, 0];
  const { timeframe } = bars[0];
  const length = TIMEFRAMES.get(timeframe) ?? 0;
  if (total < FEW || count <= total / 2 || common === length || bars.some((bar) => bar.timeframe !== timeframe)) {
    return [];
  }
  const name = [...TIMEFRAMES].find(([, ms]) => ms === common)?.[0];
  const shown = name ?? (common % DAY_MS === 0 ? `${common / DAY_MS} days` : `${common / 1000} s`);
  return [
    `Most bars are ${shown} apart, and not ${timeframe}${name === undefined ? "" : `: --timeframe ${name}`}`,
  ];
}

function findRepeats(bars: readonly Bar[]): string[] {
  const keys = new Set(bars.map(({ symbol, timeframe, ts }) => `${symbol} ${timeframe} ${ts}`));
  const repeated = bars.length - keys.size;
  return repeated === 0
    ? []
    : [`${repeated} of ${bars.length} bars have the symbol and time of another: of these the last one stays`];
}

const newYork = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/New_York",
  hourCycle: "h23",
  hour: "numeric",
  minute: "numeric",
});

function minuteOfNewYork(ts: number): number {
  const [hour, minute] = newYork.format(ts).split(":").map(Number);
  return hour * 60 + minute;
}

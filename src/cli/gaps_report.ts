/**
 * The report of gaps: a short table for people, or one JSON object. It is written as the gaps come, so its length has
 * no bound.
 *
 * @module
 */
import { type Doubt, isUnrepairable } from "../coverage/coverage.ts";
import { explainDoubt } from "../gaps/known.ts";
import { addGap, type GapOutcome, type GapTotals, minutesOf, NO_GAPS } from "../gaps/outcome.ts";
import { type Unknown, UNKNOWN_REASON } from "../gaps/unknown.ts";
import type { SeriesKey } from "../records/record.ts";
import { formatTime } from "../records/time.ts";
import { printable } from "../telemetry/log.ts";

/** Receives the findings, series by series. */
export interface GapReport {
  /** Begins the findings of a series. */
  series(series: SeriesKey): void;
  gap(gap: GapOutcome): void;
  /** Adds a doubtful range of the series, with or without missing bars. */
  doubt(doubt: Doubt): void;
  /** Adds a range that is neither confirmed nor in doubt. */
  unknown(range: Unknown): void;
  /** Adds a series, or all series of a symbol, that is not checked. */
  skip(series: Pick<SeriesKey, "symbol"> & Partial<SeriesKey>, reason: string): void;
  /** Ends the report, and returns the totals. */
  end(): GapTotals;
  /** Ends the report early, with the reason in the form for programs. */
  fail(error: unknown): void;
}

/** Writes a piece of the report. */
type Write = (text: string) => void;

/**
 * One object on one line: `ranges`, `skipped`, `series` (the number of checked ones) and `totals`; with `explains` also
 * `doubts` and `unknown`.
 */
export function reportJson(write: Write, explains = false): GapReport {
  let totals = NO_GAPS;
  let series = 0;
  let names: Partial<SeriesKey> = {};
  const skipped: unknown[] = [];
  const doubts: unknown[] = [];
  const unknown: unknown[] = [];
  let separator = '{"ranges":[';

  function end(error?: string): GapTotals {
    const rounded = Object.fromEntries(Object.entries(totals).map(([name, minutes]) => [name, round(minutes)]));
    if (separator !== ",") write(separator);
    const rest = JSON.stringify({ skipped, series, totals: rounded, ...explains ? { doubts, unknown } : {}, error });
    write(`],${rest.slice(1)}\n`);
    return totals;
  }

  return {
    series({ provider, symbol, timeframe }) {
      series++;
      names = { provider, symbol, timeframe };
    },
    gap(gap) {
      totals = addGap(totals, gap);
      const [from, to] = [formatTime(gap.from), formatTime(gap.to)];
      const range = { ...names, from, to, minutes: round(minutesOf(gap)), state: gap.state, reason: gap.reason };
      write(separator + JSON.stringify(range));
      separator = ",";
    },
    doubt(doubt) {
      if (!explains) return;
      const { from, to, reason, foundAt, attempts, dueAt } = doubt;
      const next = isUnrepairable(doubt) ? null : formatTime(dueAt);
      const [start, end, since] = [from, to, foundAt].map(formatTime);
      doubts.push({ ...names, from: start, to: end, minutes: round(minutesOf(doubt)), reason, since, attempts, next });
    },
    unknown(range) {
      totals = { ...totals, unknown: totals.unknown + range.minutes };
      if (!explains) return;
      const [from, to] = [formatTime(range.from), formatTime(range.to)];
      unknown.push({ ...names, from, to, minutes: round(range.minutes), reason: "unknown" });
    },
    skip: ({ provider, symbol, timeframe }, reason) => void skipped.push({ provider, symbol, timeframe, reason }),
    end,
    fail: (error) => void end(error instanceof Error ? error.message : String(error)),
  };
}

/** Most ranges shown of a series, series shown with ranges, and reasons shown. */
const SHOWN = { ranges: 5, series: 10, reasons: 5 };

/** A table of the first gaps of the first series, and the totals; with `explains` also all doubts. */
export function reportTable(write: Write, explains = false): GapReport {
  let totals = NO_GAPS;
  let looked = 0;
  let skipped = 0;
  /** Number of series with gaps. */
  let broken = 0;
  let name = "";
  let ofSeries = { shown: 0, hidden: 0, hiddenMinutes: 0 };

  const row = (...[name, from, to, minutes, state]: [string, string, string, string, string]) =>
    write(
      `${name.padEnd(28)}  ${from.padEnd(17)}  ${to.padEnd(17)}  ${minutes.padStart(10)}  ${state}`.trimEnd() + "\n",
    );

  function endSeries(): void {
    const { hidden, hiddenMinutes } = ofSeries;
    if (hidden > 0 && broken <= SHOWN.series) row("", `and ${count(hidden)} more`, "", count(hiddenMinutes), "");
    ofSeries = { shown: 0, hidden: 0, hiddenMinutes: 0 };
  }

  return {
    series(series) {
      endSeries();
      looked++;
      name = describe(series);
    },
    gap(gap) {
      totals = addGap(totals, gap);
      if (gap.state === "no-trade") return;
      const isFirst = ofSeries.shown + ofSeries.hidden === 0;
      if (isFirst && broken++ === 0) row("SERIES", "FROM", "TO", "MINUTES", "STATE");
      const minutes = minutesOf(gap);
      if (broken > SHOWN.series || ofSeries.shown === SHOWN.ranges) {
        ofSeries.hidden++;
        ofSeries.hiddenMinutes += minutes;
        return;
      }
      ofSeries.shown++;
      row(isFirst ? name : "", shortTime(gap.from), shortTime(gap.to), count(minutes), gap.state);
    },
    doubt(doubt) {
      if (!explains) return;
      const { attempts, foundAt, dueAt } = doubt;
      const asked = attempts === 0 ? "not asked yet" : `asked ${attempts} ${attempts === 1 ? "time" : "times"}`;
      const next = isUnrepairable(doubt) ? "not asked again" : `asked next ${shortTime(dueAt)}`;
      write(
        `${name} is in doubt from ${shortTime(doubt.from)} to ${shortTime(doubt.to)}: ${explainDoubt(doubt)}; ` +
          `since ${shortTime(foundAt)}, ${asked}, ${next}\n`,
      );
    },
    unknown({ from, to, minutes }) {
      totals = { ...totals, unknown: totals.unknown + minutes };
      if (!explains) return;
      write(
        `${name} is unknown from ${shortTime(from)} to ${shortTime(to)}, ${
          count(minutes)
        } minutes: ${UNKNOWN_REASON}\n`,
      );
    },
    skip(series, reason) {
      if (skipped++ < SHOWN.reasons) write(`${describe(series)} is not looked at: ${reason}\n`);
    },
    end() {
      endSeries();
      if (broken > SHOWN.series) write(`and ${count(broken - SHOWN.series)} more series; all with --json\n`);
      if (skipped > SHOWN.reasons) write(`${count(skipped)} are not looked at; all with --json\n`);
      write(`${count(looked)} series, ${describeTotals(totals)}\n`);
      return totals;
    },
    fail: endSeries,
  };
}

function describe({ provider, symbol, timeframe }: Partial<SeriesKey>): string {
  return [provider, symbol, timeframe].filter((part) => part !== undefined).map(printable).join(" ");
}

function describeTotals({ found, repaired, noTrade, unrepairable, missing, unknown }: GapTotals): string {
  const parts = [
    `${count(repaired)} repaired`,
    `${count(unrepairable)} unrepairable`,
    `${count(missing)} still missing`,
  ];
  const quiet = (noTrade > 0 ? `; ${count(noTrade)} are known to be without trades` : "") +
    (unknown > 0 ? `; nothing is known of ${count(unknown)}, see --explain` : "");
  if (found === 0) return `no minutes are missing${quiet}`;
  if (repaired + unrepairable === 0) return `${count(missing)} minutes are missing${quiet}`;
  return `${count(found)} minutes were missing: ${parts.join(", ")}${quiet}`;
}

const count = (value: number) => value.toLocaleString("en-US", { maximumFractionDigits: 2 });
const round = (minutes: number) => Math.round(minutes * 1e4) / 1e4;
/** `2024-07-03T15:00Z`, with seconds unless they are 0. */
const shortTime = (ms: number) => new Date(ms).toISOString().replace(/(:00)?\.000Z$/, "Z");

/**
 * The table against the market: each minute that differs has to be named in the coverage.
 *
 * A minute is named where it is in doubt. It is named, too, where nothing is known of it because what was known was not saved:
 * coverage is saved each quarter of an hour, of bars that can no longer be corrected, so that the end of a series is unknown while a process runs, and after a kill until
 * the series is streamed again. Everywhere else an unknown minute that differs is silent.
 *
 * @module
 */
import { endOf, isUnrepairable, type SeriesCoverage } from "../../src/coverage/coverage.ts";
import type { Bar } from "../../src/records/bar.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import { doubtAt, isConfirmed, type MemoryTable } from "../support/memory_table.ts";
import { CORRECTION_MS, type Market, MINUTE, type State } from "./market.ts";

/** What is to be judged. Times are epoch ms. */
export interface Case {
  table: MemoryTable;
  /** What each provider should have. */
  markets: ReadonlyMap<string, Market>;
  /** The minutes to look at. */
  from: number;
  to: number;
  /** When processes were killed, and now where one runs: what they knew last is not saved. */
  unsavedAt: readonly number[];
  /** What a running process knows, beyond what is saved. */
  known?: (provider: string, symbol: string) => SeriesCoverage;
}

/** How it stands. */
export interface Findings {
  /** Minutes that differ without being named, in words. */
  readonly silent: readonly string[];
  /** Minutes in doubt by now that are not young, in words: those that differ, and those that do not. */
  readonly named: readonly string[];
  /** Those of them that differ, in words. */
  readonly differing: readonly string[];
  /** Those that history is asked about no more. */
  readonly givenUp: readonly string[];
  /** Minutes that differ beyond what was saved, in words. */
  readonly unsaved: readonly string[];
  /** Minutes that are neither confirmed nor in doubt, and do not differ. */
  readonly unknown: readonly string[];
  readonly minutes: number;
}

/** How often coverage is saved, and the moment that it takes. */
const SAVE_MS = 15 * MINUTE + 10_000;
/** Doubts about younger minutes are those of a moment. */
const LASTING_MS = 5 * MINUTE;

/** Judges. */
export function judge({ table, markets, from, to, unsavedAt, known }: Case): Findings {
  const silent: string[] = [];
  const named: string[] = [];
  const differing: string[] = [];
  const givenUp: string[] = [];
  const unsaved: string[] = [];
  const unknown: string[] = [];
  let minutes = 0;
  const providers = [...markets.keys()];
  const isSingle = providers.length === 1;
  for (const [provider, market] of markets) {
    const heldBackMs = SAVE_MS + (CORRECTION_MS[provider] ?? 0);
    const isUnsaved = (coverage: SeriesCoverage, ts: number) =>
      ts >= endOf(coverage) && unsavedAt.some((at) => at - heldBackMs < ts + MINUTE && ts < at);
    for (const [symbol, bars] of market) {
      const coverage = table.coverage(provider, symbol);
      const now = known?.(provider, symbol) ?? coverage;
      const calendar = calendarOf(provider, symbol);
      const rows = new Map(table.rows(provider, symbol).map((row) => [row.ts, row]));
      for (const ts of rows.keys()) if (ts < from || (ts >= to && ts < to + MINUTE)) rows.delete(ts);
      for (let ts = Math.ceil(from / MINUTE) * MINUTE; ts < to; ts += MINUTE) {
        minutes++;
        const row = rows.get(ts);
        rows.delete(ts);
        const states = bars.get(ts);
        const doubt = doubtAt(coverage, ts);
        const isHeldElsewhere = row === undefined && !isSingle &&
          providers.some((other) => other !== provider && table.row(other, symbol, ts) !== undefined);
        const isSame = isHeldElsewhere || isFinal(row, states);
        const what = `${provider} ${symbol} ${new Date(ts).toISOString().slice(5, 16)}`;
        const lasting = doubtAt(now, ts);
        if (lasting !== undefined && ts < to - LASTING_MS) {
          named.push(`${what} ${lasting.reason}${isSame ? ", the same" : ""}`);
          if (!isSame) differing.push(`${what} ${lasting.reason}`);
          if (!isSame && isUnrepairable(lasting)) givenUp.push(`${what} ${lasting.reason} (given up)`);
        }
        if (doubt !== undefined) continue;
        if (isSame) {
          if (isSingle && !isConfirmed(coverage, ts) && (calendar?.isOpen(ts) ?? true)) unknown.push(what);
        } else {
          const state = isConfirmed(coverage, ts) ? "confirmed" : "unknown";
          (isUnsaved(coverage, ts) ? unsaved : silent).push(`${what} ${describe(row, states)} (${state})`);
        }
      }
      for (const row of rows.values()) {
        silent.push(`${provider} ${symbol} ${new Date(row.ts).toISOString()} is no bar of the market`);
      }
    }
  }
  return { silent, named, differing, givenUp, unsaved, unknown, minutes };
}

const FIELDS = ["open", "high", "low", "close", "volume"] as const;

/** Whether a row holds the last state of its bar, or is missing as the bar is. */
function isFinal(row: Bar | undefined, states: readonly State[] | undefined): boolean {
  if (row === undefined || states === undefined) return row === states;
  return FIELDS.every((name) => row[name] === states.at(-1)!.bar[name]);
}

function describe(row: Bar | undefined, states: readonly State[] | undefined): string {
  if (row === undefined) return "missing";
  return states === undefined ? "no bar of the market" : `volume ${row.volume} for ${states.at(-1)!.bar.volume}`;
}

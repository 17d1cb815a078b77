/**
 * The table against the market: each minute that differs has to be named in the coverage.
 *
 * @module
 */
import { calendarOf } from "../../src/providers/mod.ts";
import { doubtAt, isConfirmed, type MemoryTable } from "../support/memory_table.ts";
import { type Market, MINUTE } from "./market.ts";

/** What is to be judged. */
export interface Case {
  table: MemoryTable;
  /** What each provider should have. */
  markets: ReadonlyMap<string, Market>;
  /** The minutes to look at, in epoch ms. */
  from: number;
  to: number;
}

/** How it stands. */
export interface Findings {
  /** Minutes that differ without being named, in words. */
  readonly silent: readonly string[];
  /** Minutes in doubt, in words: those that differ, and those that are in doubt although they do not. */
  readonly named: readonly string[];
  /** Minutes that are named and differ, in words. */
  readonly differing: readonly string[];
  /** Minutes that are neither confirmed nor in doubt. */
  readonly unknown: readonly string[];
  readonly minutes: number;
}

/** Bars that are no older than this before the end may be on their way: coverage is saved each quarter of an hour. */
export const YOUNG_MS = 20 * MINUTE;

/** Judges. */
export function judge({ table, markets, from, to }: Case): Findings {
  const silent: string[] = [];
  const named: string[] = [];
  const differing: string[] = [];
  const unknown: string[] = [];
  let minutes = 0;
  const providers = [...markets.keys()];
  const isSingle = providers.length === 1;
  for (const [provider, market] of markets) {
    for (const [symbol, bars] of market) {
      const coverage = table.coverage(provider, symbol);
      const calendar = calendarOf(provider, symbol);
      const rows = new Map(table.rows(provider, symbol).map((row) => [row.ts, row]));
      for (const ts of rows.keys()) if (ts < from || (ts >= to && ts < to + YOUNG_MS)) rows.delete(ts);
      for (let ts = Math.ceil(from / MINUTE) * MINUTE; ts < to; ts += MINUTE) {
        minutes++;
        const row = rows.get(ts);
        rows.delete(ts);
        const bar = bars.get(ts)?.at(-1)?.bar;
        const doubt = doubtAt(coverage, ts);
        const isSame = row === undefined ? bar === undefined : bar !== undefined &&
          (["open", "high", "low", "close", "volume"] as const).every((name) => row[name] === bar[name]);
        const isHeldElsewhere = row === undefined && !isSingle &&
          providers.some((other) => other !== provider && table.row(other, symbol, ts) !== undefined);
        const what = `${provider} ${symbol} ${new Date(ts).toISOString().slice(5, 16)}`;
        if (doubt !== undefined && !isSame && !isHeldElsewhere) differing.push(`${what} ${doubt.reason}`);
        if (doubt !== undefined) named.push(`${what} ${doubt.reason}${isSame ? ", the same" : ""}`);
        else if (!isSame && !isHeldElsewhere) {
          const state = isConfirmed(coverage, ts) ? "confirmed" : "unknown";
          const value = row === undefined
            ? "missing"
            : bar === undefined
            ? "no bar of the market"
            : `volume ${row.volume} for ${bar.volume}`;
          silent.push(`${what} ${value} (${state})`);
        } else if (isSingle && !isConfirmed(coverage, ts) && (calendar?.isOpen(ts) ?? true)) unknown.push(what);
      }
      for (const row of rows.values()) {
        silent.push(`${provider} ${symbol} ${new Date(row.ts).toISOString()} is no bar of the market`);
      }
    }
  }
  return { silent, named, differing, unknown, minutes };
}

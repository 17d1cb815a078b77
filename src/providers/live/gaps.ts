/**
 * Accounts for the minutes that a feed has not delivered.
 *
 * @module
 */
import type { Feed } from "./feed.ts";
import type { Listener } from "../../events.ts";

/** The account of all symbols of a feed. Minutes count while the symbol's market is open. */
export interface Gaps {
  /** Nothing is known of the symbol from `from` to before `to` (epoch ms). What was found before counts once. */
  found(symbol: string, from: number, to: number): void;
  /** All that history has of the symbol before `until` is committed; before `start` it has nothing any more. */
  closed(symbol: string, until: number, start: number): void;
  /** History refuses what is missing of the symbol. */
  refused(symbol: string): void;
}

const MINUTE_MS = 60_000;

/** Makes an account. `onLost` hears of each range that history no longer has. */
export function createGaps(
  { name: provider, calendar }: Pick<Feed, "name" | "calendar">,
  tell: Listener,
  onLost: (symbol: string, from: number, to: number) => void,
): Gaps {
  const open = new Map<string, { from: number; to: number }>();

  function count(symbol: string, outcome: "found" | "repaired" | "unrepairable", from: number, to: number): void {
    if (from >= to) return;
    const minutes = (calendar?.(symbol)?.openMs(from, to) ?? to - from) / MINUTE_MS;
    if (minutes > 0) tell({ type: "gap", provider, outcome, minutes });
  }

  return {
    found(symbol, from, to) {
      const gap = open.get(symbol);
      count(symbol, "found", Math.max(from, gap?.to ?? -Infinity), to);
      if (from < to) open.set(symbol, { from: gap?.from ?? from, to: Math.max(to, gap?.to ?? -Infinity) });
    },
    closed(symbol, until, start) {
      const gap = open.get(symbol);
      if (gap === undefined) return;
      const lost = Math.min(Math.max(start, gap.from), until, gap.to);
      const end = Math.max(Math.min(until, gap.to), gap.from);
      if (lost > gap.from) onLost(symbol, gap.from, lost);
      count(symbol, "unrepairable", gap.from, lost);
      count(symbol, "repaired", Math.max(lost, gap.from), end);
      gap.from = end;
      if (gap.from >= gap.to) open.delete(symbol);
    },
    refused(symbol) {
      const gap = open.get(symbol);
      if (gap === undefined) return;
      count(symbol, "unrepairable", gap.from, gap.to);
      // It stays, so that the next connection does not count it again.
      gap.from = gap.to;
    },
  };
}

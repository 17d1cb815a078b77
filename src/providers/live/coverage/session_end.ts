/**
 * Doubts the end of a session once the session is over: a bar that would show the hole comes only the next morning.
 *
 * @module
 */
import type { Calendar } from "../../../calendar/mod.ts";
import type { FeedCoverage } from "../coverage.ts";
import { QUIET_MS } from "./evidence.ts";
import { isOpenIn, open } from "./track.ts";
import { isBusy, SETTLE_MS } from "./urgency.ts";

/** Options of {@linkcode createSessionWatch}. */
export interface SessionWatchOptions {
  symbols: readonly string[];
  coverage: Pick<FeedCoverage, "track" | "readyAt" | "inHistoryAt" | "changed">;
  /** The latest of the local clock, the vendor's, and the newest live bar, in epoch ms. */
  now: () => number;
}

/**
 * Creates a watch; call it now and then. If a session ends between two calls, the minutes after a symbol's newest bar
 * are in doubt. History is asked at once about busy symbols, and about the others when a silence proves that they had
 * no bar.
 */
export function createSessionWatch({ symbols, coverage, now }: SessionWatchOptions): () => void {
  const isOpen = new Map<Calendar, boolean>();

  /** Calendars whose session has ended since the last call, with all its bars in history. */
  function endedAt(ready: number): ReadonlySet<Calendar> {
    const ended = new Set<Calendar>();
    for (const symbol of symbols) {
      const { calendar } = coverage.track(symbol);
      if (calendar === undefined || ended.has(calendar)) continue;
      const wasOpen = isOpen.get(calendar);
      const is = calendar.isOpen(ready);
      isOpen.set(calendar, is);
      if (wasOpen === true && !is) ended.add(calendar);
    }
    return ended;
  }

  return () => {
    const at = now();
    const ready = coverage.readyAt(at);
    const ended = endedAt(ready);
    if (ended.size === 0) return;
    for (const symbol of symbols) {
      const track = coverage.track(symbol);
      const { head, calendar } = track;
      if (calendar === undefined || !ended.has(calendar)) continue;
      if (head === undefined || head >= ready || !isOpenIn(track, head, ready)) continue;
      const dueAt = isBusy(track) ? at : ready + QUIET_MS + SETTLE_MS;
      open(track, { from: head, to: ready, reason: "hole", foundAt: at, dueAt, attempts: 0 });
      track.head = ready;
      coverage.changed(track);
    }
  };
}

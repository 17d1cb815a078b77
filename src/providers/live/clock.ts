/**
 * The time for a feed, even if the local clock is wrong.
 *
 * Three clocks are read. The **local** one may be behind, ahead, or set back. The **vendor's** is known from the times
 * of its answers and messages, and continues by the monotonic clock in between. The **majority** is the newest time at
 * which bars of most symbols have ended: a finished bar proves that its end has passed, but a single symbol proves
 * nothing, as a faulty bar may lie in the far future.
 *
 * @module
 */

/** The clocks of one feed, read together. */
export interface FeedClock {
  /** Latest of the local clock, the vendor's clock and the newest bar of most symbols, in epoch ms. */
  now(): number;
  /**
   * The time of the vendor's clock, or of the newest bar of most symbols if that is later; `now()` before the vendor
   * has sent a time.
   */
  vendorNow(): number;
  /** The newest time at which bars of most symbols have ended, in epoch ms; -Infinity before the first. */
  reached(): number;
  /** The vendor's clock shows `ms` (epoch ms) now. */
  vendorSaid(ms: number): void;
  /** A live bar of the symbol ended at `ms`. */
  barEnded(symbol: string, ms: number): void;
  /** The vendor's clock minus the local one, in ms; undefined before the vendor has sent a time. */
  skewMs(): number | undefined;
  /** How far the local clock has stepped back against the monotonic clock since the last call (ms). */
  steppedBack(): number;
}

/** How far ahead of a feed's clock a bar may begin beyond its own length, in milliseconds. */
export const MAX_AHEAD_MS = 5 * 60_000;
/** Fewest symbols whose majority may overrule both other clocks. */
const MIN_SYMBOLS = 3;
/** How long the latest time of the vendor outweighs later times that were longer on their way, in milliseconds. */
const WINDOW_MS = 10 * 60_000;
/** Shortest interval between times of the vendor that are evaluated, in milliseconds. */
const HEARING_MS = 250;
/** Least difference from the monotonic clock that counts as a step, in milliseconds; slewing affects both clocks. */
const MIN_STEP_MS = 1000;

/** Creates the clock of a feed whose bars last `stepMs`. */
export function createFeedClock(stepMs: number): FeedClock {
  const vendor = createVendorClock();
  const bars = createMajority();
  const now = () => Math.max(Date.now(), vendor.now(), bars.newest());
  let asked = readBoth();
  return {
    now,
    reached: bars.newest,
    vendorNow() {
      const vendorMs = Math.max(vendor.now(), vendor.earliest());
      return vendorMs === -Infinity ? now() : Math.max(vendorMs, bars.newest());
    },
    vendorSaid: vendor.said,
    barEnded(symbol, ms) {
      // With few symbols each is most of them, so none may overrule the other clocks.
      if (bars.size() < MIN_SYMBOLS && ms > now() + stepMs + MAX_AHEAD_MS) return;
      bars.note(symbol, ms);
    },
    skewMs() {
      const ms = vendor.now();
      return ms === -Infinity ? undefined : ms - Date.now();
    },
    steppedBack() {
      const last = asked;
      asked = readBoth();
      const backMs = last.local - last.monotonic - (asked.local - asked.monotonic);
      return backMs >= MIN_STEP_MS ? backMs : 0;
    },
  };
}

/** Why a bar cannot begin at `ts`; `undefined` if it can. */
export function explainAhead(
  ts: number,
  stepMs: number,
  clock?: Pick<FeedClock, "now" | "reached">,
): string | undefined {
  // Nearly every bar begins by the end of most others, which is checked without a clock.
  const latest = ts - stepMs - MAX_AHEAD_MS;
  if ((clock !== undefined && latest <= clock.reached()) || latest <= Date.now()) return undefined;
  const aheadMs = ts - (clock?.now() ?? Date.now());
  if (aheadMs <= stepMs + MAX_AHEAD_MS) return undefined;
  return `bar begins ahead of the local clock, the vendor's and most other bars: by ${aheadMs / 1000} s`;
}

const readBoth = () => ({ local: Date.now(), monotonic: performance.now() });

/** The latest times of a vendor, as epoch ms at 0 of the monotonic clock. */
interface Words {
  /** Of the present window, which began at `since`, and of the one before. */
  current: number;
  previous: number;
  since: number;
  /** The latest time that was dropped. */
  forgotten: number;
}

/**
 * The vendor's clock. Each of its times is late by its way here; the latest of the last minutes counts. A time far
 * ahead of all others counts only once another agrees: a single message may be wrong.
 */
function createVendorClock() {
  const words: Words = { current: -Infinity, previous: -Infinity, since: -Infinity, forgotten: -Infinity };
  let heardAt = -Infinity;
  /** A time far ahead of the known ones, as epoch ms at 0 of the monotonic clock. */
  let strange = NaN;
  /** Local clock minus the monotonic one at the last time. */
  let base = 0;

  /** The latest time that counts. */
  const latest = () => Math.max(words.current, words.previous);

  function forget(): void {
    words.forgotten = Math.max(latest(), words.forgotten);
    words.current = words.previous = -Infinity;
  }

  return {
    said(ms: number): void {
      // Each message may have a time, which is cheaper to read than to evaluate.
      const now = Date.now();
      if (!Number.isFinite(ms) || Math.abs(now - heardAt) < HEARING_MS) return;
      heardAt = now;
      const { local, monotonic } = readBoth();
      const known = Math.max(latest(), local - monotonic);
      const offset = ms - monotonic;
      if (offset - known > MAX_AHEAD_MS && !(Math.abs(offset - strange) <= MAX_AHEAD_MS)) {
        strange = offset;
        return;
      }
      strange = NaN;
      if (monotonic - words.since > WINDOW_MS) {
        words.previous = words.current;
        words.current = -Infinity;
        words.since = monotonic;
      }
      words.current = Math.max(words.current, offset);
      base = local - monotonic;
    },
    /** Epoch ms; -Infinity if unknown. */
    now(): number {
      const { local, monotonic } = readBoth();
      // The monotonic clock stands still while the machine sleeps, so times from before a sleep are dropped.
      if (local - monotonic - base > MIN_STEP_MS) forget();
      return latest() + monotonic;
    },
    /**
     * The least time until the vendor's next one, after earlier ones were dropped: setting the local clock ahead makes
     * no bar older. -Infinity if none was dropped.
     */
    earliest: () => words.current === -Infinity ? words.forgotten + performance.now() : -Infinity,
  };
}

/** The newest time that bars of more than half of the symbols have reached, in constant time for nearly every bar. */
function createMajority() {
  const ends = new Map<string, number>();
  let newest = -Infinity;
  /** Symbols whose newest bar ended after `newest`. */
  let beyond = 0;

  function raise(): void {
    const sorted = [...ends.values()].sort((a, b) => b - a);
    newest = sorted[Math.floor(sorted.length / 2)];
    beyond = sorted.filter((end) => end > newest).length;
  }
  return {
    size: () => ends.size,
    newest: () => newest,
    note(symbol: string, ms: number): void {
      const before = ends.get(symbol) ?? -Infinity;
      if (ms <= before) return;
      ends.set(symbol, ms);
      if (ms > newest && before <= newest) beyond++;
      if (beyond * 2 > ends.size) raise();
    },
  };
}

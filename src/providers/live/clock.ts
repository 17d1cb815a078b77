/**
 * The time for a feed, where the local clock may be wrong.
 *
 * Three clocks are read. The **local** one may be behind, ahead, or set back. The **vendor's** is known from the times
 * of its answers and messages, and continues by the monotonic clock in between. The **majority** is the newest time at
 * which bars of most symbols have ended: a bar that is over proves that its end has passed, and a single symbol proves
 * nothing, as one bar may be of the far future by mistake.
 *
 * @module
 */

/** The clocks of one feed, read together. */
export interface FeedClock {
  /** Latest of the local clock, the vendor's clock and the newest bar of most symbols, in epoch ms. */
  now(): number;
  /**
   * The time of the vendor's clock, or of the newest bar of most symbols where that is later; `now()` before the vendor
   * has sent a time.
   */
  vendorNow(): number;
  /** The newest time at which bars of most symbols have ended, in epoch ms; -Infinity before there are any. */
  reached(): number;
  /** The vendor said that it is `ms` (epoch ms) now. */
  vendorSaid(ms: number): void;
  /** A live bar of the symbol ended at `ms`. */
  barEnded(symbol: string, ms: number): void;
  /** Vendor's clock minus the local one in ms; undefined where the vendor has not said. */
  skewMs(): number | undefined;
  /** Whether the local clock has stepped back against the monotonic clock, and by how much (ms), since asked last. */
  steppedBack(): number;
}

/** How far ahead of a feed's clock a bar may begin beyond its own length, in milliseconds. */
export const MAX_AHEAD_MS = 5 * 60_000;
/** Fewest symbols whose majority may overrule both other clocks. */
const MIN_SYMBOLS = 3;
/** How long the latest word of the vendor counts against later ones that were longer on their way, in milliseconds. */
const WINDOW_MS = 10 * 60_000;
/** How often a word of the vendor is heard at most, in milliseconds. */
const HEARING_MS = 250;
/** Least difference from the monotonic clock that is a step, in milliseconds; both are slewed together. */
const MIN_STEP_MS = 1000;

/** Makes the clock of a feed whose bars last `stepMs`. */
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
      // Of few symbols each is most of them, so that none may overrule the other clocks.
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

/** Why a bar cannot be that begins at `ts`; `undefined` where its time may be. */
export function explainAhead(
  ts: number,
  stepMs: number,
  clock?: Pick<FeedClock, "now" | "reached">,
): string | undefined {
  // Nearly every bar begins by the end of most others, which takes no look at any clock.
  const latest = ts - stepMs - MAX_AHEAD_MS;
  if ((clock !== undefined && latest <= clock.reached()) || latest <= Date.now()) return undefined;
  const aheadMs = ts - (clock?.now() ?? Date.now());
  if (aheadMs <= stepMs + MAX_AHEAD_MS) return undefined;
  return `bar begins ahead of the local clock, the vendor's and most other bars: by ${aheadMs / 1000} s`;
}

const readBoth = () => ({ local: Date.now(), monotonic: performance.now() });

/** The latest words of a vendor, as epoch ms at 0 of the monotonic clock. */
interface Words {
  /** Of this window, which began at `since`, and of the one before. */
  current: number;
  previous: number;
  since: number;
  /** The latest word that was forgotten. */
  forgotten: number;
}

/**
 * The vendor's clock. Each of its times is late by its way; the latest of the last minutes counts. One far ahead of all
 * others counts only once another agrees: a single message may be wrong.
 */
function createVendorClock() {
  const words: Words = { current: -Infinity, previous: -Infinity, since: -Infinity, forgotten: -Infinity };
  let heardAt = -Infinity;
  /** A word far ahead of what is known, as epoch ms at 0 of the monotonic clock. */
  let strange = NaN;
  /** Local clock minus the monotonic one at the last word. */
  let base = 0;

  /** The latest word that counts. */
  const latest = () => Math.max(words.current, words.previous);

  function forget(): void {
    words.forgotten = Math.max(latest(), words.forgotten);
    words.current = words.previous = -Infinity;
  }

  return {
    said(ms: number): void {
      // Each message may say the time, which is read more cheaply than heard.
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
    /** Epoch ms; -Infinity where it is not known. */
    now(): number {
      const { local, monotonic } = readBoth();
      // The monotonic clock stands still while the machine sleeps: what it shows since then is no time of the vendor's.
      if (local - monotonic - base > MIN_STEP_MS) forget();
      return latest() + monotonic;
    },
    /**
     * The least time until the vendor's next one, where earlier ones are forgotten: a local clock that is set ahead
     * makes no bar older. -Infinity where nothing is forgotten.
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

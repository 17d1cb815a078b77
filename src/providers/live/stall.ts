/**
 * Notices a symbol that falls silent although its market trades: heartbeats prove that a connection lives, not that it
 * delivers.
 *
 * @module
 */
import type { Calendar } from "../../calendar/mod.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { FeedCoverage } from "./coverage.ts";
import { type Feed, isRefusal } from "./feed.ts";
import type { Question } from "./history/tasks.ts";
import type { Purpose, Share } from "./history/share.ts";
import { densityOf } from "./coverage/track.ts";
import { BUSY_DENSITY } from "./coverage/urgency.ts";

/** A watch over the symbols of one connection. */
export interface StallWatch {
  /** The symbol's data should come from now on. */
  expect(symbol: string): void;
  /**
   * Data of the symbol came; `until` means all of its bars that start before then (epoch ms). Only newer bars count.
   */
  heard(symbol: string, until?: number): void;
  /** No data of the symbol is expected any more. */
  forget(symbol: string): void;
}

/** Options of {@linkcode watchForStalls}. */
export interface StallOptions {
  feed: Feed;
  coverage: Pick<FeedCoverage, "track">;
  /** The share of requests for questions about symbols that lack few bars. */
  share: Share;
  /** Silence that causes a question, in milliseconds. */
  stallMs: number;
  /** The vendor's clock, in epoch ms. */
  vendorNow: () => number;
  /**
   * Silence of each symbol that causes the next question, in milliseconds. Outlasts connections: a silence that a new
   * connection did not end does not renew it again at once.
   */
  backoff: Map<string, number>;
  /** Ends the watch. */
  signal: AbortSignal;
  /** Called with a symbol whose history has bars that the connection has not delivered. */
  onStall: (symbol: string) => void;
}

/** Longest silence before a question, as a multiple of the first. */
const MAX_PATIENCE = 16;
/** Most requests of a look: repairs need the endpoint, too. */
const MAX_REQUESTS = 20;
/** Bars that a busy symbol must lack to be asked about outside of the share of repairs. */
const LIKELY_MISSED = 1.5;
/** Density of a symbol that is not known well enough. */
const UNKNOWN_DENSITY = 0.5;
/** Symbols refused one after another that mean that history is refused for all. */
const MAX_REFUSALS = 5;

/** Signs of life of a symbol. */
interface Heard {
  /** By the monotonic clock, in milliseconds. */
  readonly at: number;
  /** Start of the first bar that has not come. */
  readonly from: number;
  /** End of the newest bar. */
  readonly until: number;
  /** Whether any bar has come. */
  readonly hasBar: boolean;
}

/** A question, with the time of the last sign of life, and the number of bars missed by density. */
interface Probe extends Question {
  readonly heardAt: number;
  readonly missed: number;
  /**
   * A busy symbol without bars is more likely lost than quiet, so its request is urgent, though it counts towards the
   * share. A symbol without any sign of life is unknown.
   */
  readonly purpose: Purpose;
}

/**
 * Watches. A quiet symbol may simply not trade, so history is asked first; while it has no bars either, it is asked
 * less and less often. In a closed market silence is normal, unless the bars up to the close have not come, or bars of
 * after hours came: then history is asked for a while.
 */
export function watchForStalls(
  { feed, coverage, share, stallMs, vendorNow, backoff, signal, onStall }: StallOptions,
): StallWatch {
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const heard = new Map<string, Heard>();
  /** When history was last asked about a symbol since its last sign of life, by the monotonic clock. */
  const askedAt = new Map<string, number>();
  /** Symbols whose history is refused. */
  const hopeless = new Set<string>();
  let refusals = 0;
  let isProbing = false;

  /** The time up to which history has the missing bars. */
  const readyUntil = () => vendorNow() - stepMs - (feed.historyLagMs ?? 0);

  /** Whether bars of a symbol are expected although its market is closed. */
  function isExpectedWhileClosed(
    calendar: Calendar,
    symbol: string,
    { from, hasBar }: Heard,
    asked: number,
    now: number,
  ): boolean {
    if (calendar.openMs(Math.max(from, asked), now) > 0) return true;
    return hasBar && !calendar.isOpen(from - 1) && (backoff.get(symbol) ?? 0) < MAX_PATIENCE * stallMs;
  }

  /** Silent symbols to ask about. */
  function findQuiet(): Probe[] {
    const monotonic = performance.now();
    const now = vendorNow();
    const ready = readyUntil();
    const isOpen = new Map<Calendar | undefined, boolean>();
    const quiet: Probe[] = [];
    for (const [symbol, last] of heard) {
      const { at, from } = last;
      const wait = backoff.get(symbol) ?? stallMs;
      const asked = askedAt.get(symbol) ?? -Infinity;
      const quietMs = monotonic - Math.max(at, asked);
      if (quietMs < wait || from >= ready || hopeless.has(symbol)) continue;
      const calendar = feed.calendar?.(symbol);
      if (!isOpen.has(calendar)) isOpen.set(calendar, calendar?.isOpen(now) ?? true);
      const isExpected = isOpen.get(calendar)
        ? (calendar?.openMs(now - quietMs, now) ?? wait) >= wait
        : isExpectedWhileClosed(calendar!, symbol, last, now - (monotonic - asked), now);
      if (!isExpected) continue;
      const density = densityOf(coverage.track(symbol));
      const silentMs = calendar?.openMs(from, now) ?? now - from;
      const missed = (density ?? UNKNOWN_DENSITY) * silentMs / stepMs;
      quiet.push({ symbol, from, heardAt: at, missed, purpose: purposeOf(density, missed) });
    }
    return quiet.sort((a, b) => rankOf(a) - rankOf(b) || b.missed - a.missed || a.from - b.from);
  }

  /** A symbol of the group whose history has a bar that has not come. */
  async function findMissed(group: readonly Probe[], onRequest: () => void): Promise<string | undefined> {
    const probes = new Map(group.map((each) => [each.symbol, each]));
    try {
      for await (const bars of feed.history([...probes.keys()], group[0].from, readyUntil(), signal, onRequest)) {
        for (const { symbol, ts } of bars) {
          const asked = probes.get(symbol);
          // The connection may have delivered while history answered.
          if (asked !== undefined && ts >= asked.from && heard.get(symbol)?.at === asked.heardAt) return symbol;
        }
      }
      refusals = 0;
    } catch (error) {
      signal.throwIfAborted();
      // A failed question proves nothing; if a whole group is refused, one of its symbols is at fault.
      if (!isRefusal(error)) return undefined;
      if (refusals >= MAX_REFUSALS) return undefined;
      if (group.length === 1) {
        hopeless.add(group[0].symbol);
        refusals++;
        return undefined;
      }
      const half = Math.ceil(group.length / 2);
      return await findMissed(group.slice(0, half), onRequest) ?? await findMissed(group.slice(half), onRequest);
    }
  }

  async function probe(): Promise<void> {
    const size = feed.historySymbols ?? 1;
    // Symbols that lack most come first; the others follow later.
    const quiet = findQuiet().slice(0, MAX_REQUESTS * size);
    for (let at = 0; at < quiet.length; at += size) {
      const group = quiet.slice(at, at + size).sort((a, b) => a.from - b.from);
      // If history is refused for one after the other, further questions are useless.
      if (refusals >= MAX_REFUSALS) return;
      const { purpose } = quiet[at];
      if (share.waitMs(purpose) > 0) return;
      const { onRequest } = share.begin(purpose);
      for (const { symbol } of group) {
        askedAt.set(symbol, performance.now());
        backoff.set(symbol, Math.min((backoff.get(symbol) ?? stallMs) * 2, MAX_PATIENCE * stallMs));
      }
      const symbol = await findMissed(group, onRequest);
      if (symbol !== undefined) return onStall(symbol);
    }
  }

  const timer = setInterval(() => {
    if (isProbing) return;
    isProbing = true;
    probe().catch(() => {}).finally(() => isProbing = false);
  }, Math.max(stallMs / 4, 10));
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });

  return {
    expect(symbol) {
      // The repair asks history for the forming bar.
      const from = Math.ceil(vendorNow() / stepMs) * stepMs;
      heard.set(symbol, { at: performance.now(), from, until: -Infinity, hasBar: false });
    },
    heard(symbol, until) {
      const known = heard.get(symbol) ?? { from: -Infinity, until: -Infinity, hasBar: false };
      // A repeated or older bar is not a sign of life.
      if (until !== undefined && until <= known.until) return;
      const end = until ?? known.until;
      // After a subscription some come that had ended before.
      const hasBar = known.hasBar || end > known.from;
      heard.set(symbol, { at: performance.now(), from: Math.max(end, known.from), until: end, hasBar });
      askedAt.delete(symbol);
      backoff.delete(symbol);
    },
    forget: (symbol) => void heard.delete(symbol),
  };
}

const rankOf = ({ purpose }: Probe): number => purpose === "pressing" ? 0 : 1;

function purposeOf(density: number | undefined, missed: number): Purpose {
  if (density === undefined) return "first";
  return density > BUSY_DENSITY && missed >= LIKELY_MISSED ? "pressing" : "ordinary";
}

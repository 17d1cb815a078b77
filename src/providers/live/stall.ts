/**
 * Notices a symbol that has gone silent although its market trades: heartbeats prove that a connection lives, not that it
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
  /** The symbol's data is to come from now on. */
  expect(symbol: string): void;
  /** News of the symbol came; with `until`, all of its bars that start before then (epoch ms). Only newer bars are news. */
  heard(symbol: string, until?: number): void;
  /** Nothing is to come of the symbol. */
  forget(symbol: string): void;
}

/** Options of {@linkcode watchForStalls}. */
export interface StallOptions {
  feed: Feed;
  coverage: Pick<FeedCoverage, "track">;
  /** The share of requests for questions about symbols that lack few bars. */
  share: Share;
  /** Silence that is looked into, in milliseconds. */
  stallMs: number;
  /** The vendor's clock, in epoch ms. */
  vendorNow: () => number;
  /**
   * Silence of each symbol that is looked into next time, in milliseconds. Outlasts connections: what a new one does not
   * mend is no reason to renew it again at once.
   */
  backoff: Map<string, number>;
  /** Ends the watch. */
  signal: AbortSignal;
  /** Called with a symbol that has bars in history which the connection has not delivered. */
  onStall: (symbol: string) => void;
}

/** Longest patience, in times of the silence that is looked into at first. */
const MAX_PATIENCE = 16;
/** Requests of one look around: repairs want the endpoint too. */
const MAX_REQUESTS = 20;
/** Bars that a busy symbol must lack to be asked about ahead of the share of repairs. */
const LIKELY_MISSED = 1.5;
/** Density of a symbol that is not known well enough. */
const UNKNOWN_DENSITY = 0.5;
/** Symbols refused one after another that mean that history is refused for all. */
const MAX_REFUSALS = 5;

/** The signs of life of a symbol. */
interface Heard {
  /** By the monotonic clock, in milliseconds. */
  readonly at: number;
  /** Start of the first bar that is still to come. */
  readonly from: number;
  /** End of the newest bar that came. */
  readonly until: number;
  /** Whether any bar has come. */
  readonly hasBar: boolean;
}

/** A question, when its symbol was heard of last, and how many bars are missed by its density. */
interface Probe extends Question {
  readonly heardAt: number;
  readonly missed: number;
  /**
   * A busy symbol that misses bars is more likely lost than quiet: its request is pressing. Of a symbol that was never heard of
   * nothing is known.
   */
  readonly purpose: Purpose;
}

/**
 * Watches. A quiet symbol may simply not trade, so history is asked before anything is done about it; while it has no
 * bars either, it is asked less and less often. While its market is closed, silence is as it should be, unless the bars up to
 * the close have not come, or bars of after hours came: then it is asked about for a while.
 */
export function watchForStalls(
  { feed, coverage, share, stallMs, vendorNow, backoff, signal, onStall }: StallOptions,
): StallWatch {
  const stepMs = TIMEFRAMES.get(feed.timeframe)!;
  const heard = new Map<string, Heard>();
  /** When a symbol was last asked about, since it was heard of, by the monotonic clock. */
  const askedAt = new Map<string, number>();
  /** Symbols whose history is refused. */
  const hopeless = new Set<string>();
  let refusals = 0;
  let isProbing = false;

  /** Up to where history has the bars that should have come. */
  const readyUntil = () => vendorNow() - stepMs - (feed.historyLagMs ?? 0);

  /** Whether bars are to be expected of a symbol although its market is closed. */
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

  /** Symbols whose silence is to be looked into. */
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

  /** A symbol of the group that has a bar in history which has not come. */
  async function findMissed(group: readonly Probe[], onRequest: () => void): Promise<string | undefined> {
    const probes = new Map(group.map((each) => [each.symbol, each]));
    try {
      for await (const bars of feed.history([...probes.keys()], group[0].from, readyUntil(), signal, onRequest)) {
        for (const { symbol, ts } of bars) {
          const asked = probes.get(symbol);
          // While history answered, the connection may have delivered.
          if (asked !== undefined && ts >= asked.from && heard.get(symbol)?.at === asked.heardAt) return symbol;
        }
      }
      refusals = 0;
    } catch (error) {
      signal.throwIfAborted();
      // One that fails proves nothing; of one that is refused as a whole some symbol is to blame.
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
    // Those first that lack most; the others have their turn later.
    const quiet = findQuiet().slice(0, MAX_REQUESTS * size);
    for (let at = 0; at < quiet.length; at += size) {
      const group = quiet.slice(at, at + size).sort((a, b) => a.from - b.from);
      // Where history is refused for one after the other, asking about more is in vain.
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
      // The repair asks history for the bar that forms now.
      const from = Math.ceil(vendorNow() / stepMs) * stepMs;
      heard.set(symbol, { at: performance.now(), from, until: -Infinity, hasBar: false });
    },
    heard(symbol, until) {
      const known = heard.get(symbol) ?? { from: -Infinity, until: -Infinity, hasBar: false };
      // A bar that comes again, or an older one, is no sign of life.
      if (until !== undefined && until <= known.until) return;
      const end = until ?? known.until;
      // After a subscription some come that were over before.
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

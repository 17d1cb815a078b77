/**
 * Asks history once about bars that a feed never said were over, and hands over what it has otherwise.
 *
 * Such a bar is closed by its successor or by the clock, and a trade may have been on its way. One request at a time is
 * made, for the symbol that has waited longest, with pauses that leave others room: where there are many symbols a request
 * confirms several bars of one.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { ReceiveClock } from "../../records/record.ts";
import type { Feed, FeedBar } from "./feed.ts";
import { SETTLE_MS } from "./range.ts";

/** The bars of one connection that are to be confirmed. */
export interface Confirmations {
  /** Takes bars that were handed over as final, or as corrections. */
  add(bars: readonly FeedBar[]): void;
  /** Waits for what is under way, once the connection is over. */
  ended(): Promise<void>;
}

/** Options of {@linkcode startConfirmations}. */
export interface ConfirmOptions {
  feed: Feed;
  stepMs: number;
  /** Ends with the connection: the next one's repair asks again. */
  signal: AbortSignal;
  clock: ReceiveClock;
  /** Hands over bars that history has otherwise, or that did not come, as of `asOf`: when it was asked, in microseconds. */
  hand: (bars: readonly FeedBar[], asOf: number) => Promise<void>;
  /** Pause between requests, in milliseconds. @default {2000} */
  pauseMs?: number;
}

/** Bars of a symbol that wait; of more the oldest are left unconfirmed. */
const MAX_BARS = 200;

/** Starts with nothing to confirm. */
export function startConfirmations(options: ConfirmOptions): Confirmations {
  const { feed, stepMs, signal, clock, hand, pauseMs = 2000 } = options;
  /** By start, of each symbol; the symbols in the order in which they came to wait. */
  const waiting = new Map<string, Map<number, FeedBar>>();
  let running: Promise<void> | undefined;

  const isSettled = ({ ts }: FeedBar) => ts + stepMs + SETTLE_MS <= Date.now();

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      await delay(pauseMs, { signal });
      const next = waiting.entries().find(([, bars]) => bars.values().some(isSettled));
      if (next !== undefined) await confirm(...next);
    }
  }

  async function confirm(symbol: string, bars: Map<number, FeedBar>): Promise<void> {
    const asked = new Map([...bars].filter(([, bar]) => isSettled(bar)));
    for (const ts of asked.keys()) bars.delete(ts);
    waiting.delete(symbol);
    // Behind the others.
    if (bars.size > 0) waiting.set(symbol, bars);
    const [from, to] = [Math.min(...asked.keys()), Math.max(...asked.keys()) + stepMs];
    try {
      const pages = feed.history([symbol], from, to, signal)[Symbol.asyncIterator]();
      while (true) {
        const asOf = clock(1);
        const { done, value } = await pages.next();
        if (done) break;
        const others = value.filter((bar) => !isSame(bar, asked.get(bar.ts)) && !waiting.get(symbol)?.has(bar.ts));
        if (others.length === 0) continue;
        await hand(others.map((bar) => asked.has(bar.ts) ? { ...bar, status: "correction" } : bar), asOf);
      }
    } catch {
      // They have come all the same, and when history cannot be read that is told by those who need it.
      signal.throwIfAborted();
    }
  }

  return {
    add(bars) {
      for (const bar of bars) {
        let of = waiting.get(bar.symbol);
        if (of === undefined) waiting.set(bar.symbol, of = new Map());
        of.set(bar.ts, bar);
        if (of.size > MAX_BARS) of.delete(of.keys().next().value!);
      }
      if (running !== undefined || waiting.size === 0 || signal.aborted) return;
      running = run().catch(() => {}).finally(() => running = undefined);
    },
    async ended() {
      await running;
    },
  };
}

function isSame(bar: FeedBar, other: FeedBar | undefined): boolean {
  return other !== undefined && FIELDS.every((name) => bar[name] === other[name]);
}

const FIELDS = ["open", "high", "low", "close", "volume", "vwap", "trades"] as const;

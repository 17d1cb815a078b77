/**
 * The provider `alpaca` connected to a fake, and what both say to each other.
 *
 * @module
 */
import { assert } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import type { FeedBar, Session } from "../../src/providers/live/feed.ts";
import { type FakeAlpaca, KEY, SECRET } from "./fake_alpaca.ts";
import type { MarketBar } from "./fake_kraken.ts";
import { openProvider } from "./open_provider.ts";

export const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
export const START = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;

/** A bar that many minutes after {@linkcode START}. */
export function bar(minute: number, given: Partial<MarketBar> = {}): MarketBar {
  const price = 100 + minute;
  const prices = { open: price, high: price + 1, low: price - 1, close: price + 0.5 };
  return { symbol: "AAPL", ts: START + minute * MINUTE, ...prices, volume: 205.25, trades: 16, ...given };
}

/** The minutes of bars, once each, in order. */
export const minutes = (bars: readonly { ts: number }[]) =>
  [...new Set(bars.map(({ ts }) => (ts - START) / MINUTE))].toSorted((a, b) => a - b);

/** Fails where a key can be read. */
export function assertNoSecrets(...said: unknown[]): void {
  const text = said.map((each) => Deno.inspect(each, { depth: 10, strAbbreviateSize: Infinity })).join("\n");
  for (const secret of [KEY, SECRET]) assert(!text.includes(secret), "a key is shown");
}

/** What a connected provider gives. */
export interface ConnectOptions {
  symbols?: string[];
  newest?: ReadonlyMap<string, number>;
  variables?: Record<string, string>;
}

/** A provider connected to a fake, whose frames are settled as they come, and which must not tell its keys. */
export async function connect(fake: FakeAlpaca, options: ConnectOptions = {}) {
  const { symbols = ["AAPL"], newest } = options;
  const variables: Record<string, string> = { ...fake.variables, ...options.variables };
  const opened = await openProvider(createAlpaca, { symbols, newest, variables });
  const { context, events } = opened;
  return {
    ...opened,
    /** Why connections were lost. */
    losses: () => events.flatMap((event) => event.type === "feed-lost" ? [event.reason] : []),
    async [Symbol.asyncDispose]() {
      assertNoSecrets(context.notices, events);
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** A session that notes what it is told. */
export function createSession() {
  const ending = new AbortController();
  const noted = {
    subscribed: [] as string[],
    refused: [] as string[],
    reasons: [] as string[],
    notices: [] as string[],
    bars: [] as FeedBar[],
    rejected: [] as string[],
    items: [] as unknown[],
  };
  const watchers = new Set<() => void>();
  const wake = () => watchers.forEach((watch) => watch());
  const session: Session = {
    signal: ending.signal,
    subscribed(symbol) {
      noted.subscribed.push(symbol);
      wake();
    },
    warn: (message) => void noted.notices.push(message),
    interrupted: () => {},
    doubt: () => {},
    withhold: () => {},
    refuse(symbol, reason) {
      noted.refused.push(symbol);
      noted.reasons.push(reason);
      wake();
    },
    emit: (bars) => void noted.bars.push(...bars),
    reject(item, reason) {
      noted.items.push(item);
      noted.rejected.push(reason);
    },
    alive: () => {},
    quiet: () => {},
  };
  return {
    ...noted,
    session,
    end: () => ending.abort(new Error("the test is over")),
    /** Waits until what is noted of symbols makes `done` true. */
    until: (done: () => boolean) =>
      new Promise<void>((resolve) => {
        const watch = () => {
          if (done()) resolve();
        };
        watchers.add(watch);
        watch();
      }),
  };
}

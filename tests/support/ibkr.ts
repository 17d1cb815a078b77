/**
 * The provider `ibkr` connected to a fake.
 *
 * @module
 */
import type { PipelineEvent } from "../../src/events.ts";
import { createIbkr } from "../../src/providers/ibkr.ts";
import type { IbkrTiming } from "../../src/providers/ibkr/feed.ts";
import { createSharedConnections } from "../../src/providers/live/sharing.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Frame } from "../../src/records/frame.ts";
import { createContext } from "../providers/conformance.ts";
import type { FakeConnection, FakeTws, MarketBar } from "./fake_tws.ts";
import { readBars } from "./feed.ts";
import { makeDirectory, providerSettings } from "./providers.ts";

export const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
export const START = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
/** So that nothing is waited for. */
const QUICK = { backoffMs: 1, retryMs: 1, acceptAfterMs: 1, isResetTime: () => false };

/** A bar that many minutes after {@linkcode START}. */
export function bar(minute: number, given: Partial<MarketBar> = {}): MarketBar {
  const price = 100 + minute;
  const prices = { open: price, high: price + 1, low: price - 1, close: price + 0.5, wap: price + 0.25 };
  return { symbol: "AAPL", ts: START + minute * MINUTE, ...prices, volume: 250, count: 3, ...given };
}

/** What a connected provider gives. */
export interface Wanted {
  symbols?: string[];
  timeframe?: string;
  timing?: Partial<IbkrTiming>;
  newest?: Map<string, number>;
  variables?: Record<string, string>;
  /** Whether its connections are those that tenants share, as in a run of the program. */
  isShared?: boolean;
}

/** A provider that is connected to a fake, whose frames are settled as they come. */
export async function connect(fake: FakeTws, wanted: Wanted = {}) {
  const directory = await makeDirectory();
  const context = createContext();
  const events: PipelineEvent[] = [];
  const hearing = new Set<() => void>();
  const variables: Record<string, string> = { ...fake.variables, ...wanted.variables };
  const settings = providerSettings({
    symbols: wanted.symbols ?? ["AAPL"],
    timeframe: wanted.timeframe ?? "1m",
    dataDir: directory.path,
    variable: (name) => variables[name],
  });
  const provider = createIbkr(settings, { ...QUICK, ...wanted.timing });
  const heard = () => {
    for (const hear of [...hearing]) hear();
  };
  const reader = provider.open({
    ...context,
    connections: wanted.isShared ? createSharedConnections() : undefined,
    emit(event) {
      events.push(event);
      heard();
    },
    warn(message) {
      context.warn(message);
      heard();
    },
    newest: () => Promise.resolve(wanted.newest ?? new Map()),
  }).getReader();

  /** Waits until what was told satisfies. */
  function told(isTold: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const hear = () => {
        if (!isTold()) return;
        hearing.delete(hear);
        resolve();
      };
      hearing.add(hear);
      hear();
    });
  }
  return {
    context,
    events,
    reader,
    told,
    lost: (reason: string) => told(() => events.some((event) => event.type === "feed-lost" && event.reason === reason)),
    noticed: (pattern: RegExp) => told(() => context.notices.some((warn) => pattern.test(warn))),
    /** Reads until `done` says that this was all. */
    read: (done: (bars: Bar[], frame: Frame) => boolean) => readBars(reader, done),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      await provider.close!();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The next connection, and its subscription. */
export async function subscribed(fake: FakeTws, symbol = "AAPL"): Promise<FakeConnection> {
  const connection = await fake.connection();
  await connection.subscription(symbol);
  return connection;
}

/** The minutes of bars, once each, in order. */
export const minutes = (bars: Bar[]) =>
  [...new Set(bars.map(({ ts }) => (ts - START) / MINUTE))].toSorted((a, b) => a - b);
/** Whether these minutes are among the bars. */
export const has = (...wanted: number[]) => (bars: Bar[]) => wanted.every((minute) => minutes(bars).includes(minute));

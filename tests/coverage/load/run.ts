/**
 * Runs a feed of many symbols in virtual time, and counts what it asks of history.
 *
 * @module
 */
import type { Feed } from "../../../src/providers/live/feed.ts";
import { createFeedProvider } from "../../../src/providers/live/provider.ts";
import { calendarOf } from "../../../src/providers/mod.ts";
import { createRandom } from "../../endtoend/random.ts";
import { createMarket, type Listing, MINUTE, type State } from "../../model/market.ts";
import { NO_MISDEEDS } from "../../model/plan.ts";
import { startProcess } from "../../model/process.ts";
import { watchProgress } from "../../model/progress/mod.ts";
import { streamOf } from "../../model/streamed.ts";
import { startVirtualTime, type VirtualTime } from "../../model/virtual_time.ts";
import type { MarketBar } from "../../support/fake_kraken.ts";
import { createMemoryTable } from "../../support/memory_table.ts";
import { providerSettings } from "../../support/providers.ts";
import type { LoadAccount } from "./accounts.ts";
import { startStream } from "./stream.ts";

/** What to run. */
export interface LoadOptions {
  readonly account: LoadAccount;
  readonly symbols: number;
  /** How many of them trade rarely. */
  readonly thin: number;
  /** How long it runs before the market opens, while it is open, and after that, in minutes. */
  readonly minutes: readonly [before: number, open: number, after: number];
  /** Minutes of the market's time in which no connection is to be had. @default {none} */
  readonly outage?: readonly [from: number, to: number];
  /** Minutes of the market's time in which history answers with errors. @default {none} */
  readonly failing?: readonly [from: number, to: number];
  dataDir: string;
}

/** What came of it. */
export interface LoadReport {
  /** Requests, and those beyond the vendor's limit. */
  readonly requests: number;
  readonly refusals: number;
  /** Most requests of an hour. */
  readonly mostInHour: number;
  /** Seconds from the connection after the outage until all of its bars were stored; Infinity where some never were. */
  readonly repairedAfter: number;
  /** Requests until then, and in the {@linkcode CALM_MINUTES} after that. */
  readonly repairRequests: number;
  readonly calmRequests: number;
}

/** The way to a vendor and back, in milliseconds. */
const LATENCY_MS = 300;
const HOUR = 60 * MINUTE;
/** See {@linkcode LoadReport.calmRequests}. */
export const CALM_MINUTES = 5;
/** How often the table is looked at after an outage, in milliseconds. */
const LOOK_MS = 200;
/** Noon in New York of a Wednesday, when every market is open. */
export const NOON = Date.UTC(2024, 0, 3, 17);

/** Runs it. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { account, symbols: count, thin, minutes: [before, open, after], outage, failing, dataDir } = options;
  const listings = Array.from({ length: count }, (_, at): Listing => {
    return { symbol: account.symbol(at), density: at < count - thin ? 1 : 0.02 + (at % 10) / 100, halts: [] };
  });
  const symbols = listings.map(({ symbol }) => symbol);
  const opening = ["binance", "kraken"].includes(account.name)
    ? NOON
    : [...calendarOf(account.name, symbols[0])!.sessions(NOON - 720 * MINUTE, NOON + 720 * MINUTE)][0].from;
  const close = opening + open * MINUTE;
  const minute = (at: number) => opening + at * MINUTE;
  const out = outage === undefined ? [] : [{ from: minute(outage[0]), to: minute(outage[1]) }];
  using progress = await watchProgress();
  using time = startVirtualTime(opening - before * MINUTE, progress.settle);
  const market = createMarket({
    ...{ random: createRandom(1), listings, from: opening, to: close, corrected: 0, correctionMs: [0, 1], late: 0 },
  });
  const table = createMemoryTable();
  const vendor = account.start(symbols, time.now);
  await using _vendor = time.disposing(vendor);
  vendor.show = (some) => some.flatMap((symbol) => shown(market.get(symbol)!, opening, time.now(), account));
  for (const [at, isFailing] of failing === undefined ? [] : [[failing[0], true], [failing[1], false]] as const) {
    time.at(minute(at), () => vendor.isFailing = isFailing);
  }
  const stream = startStream({ time, symbols, messages: streamOf(market, NO_MISDEEDS), outages: out });
  const provider = createFeedProvider({
    name: account.name,
    settings: providerSettings({ symbols, dataDir }),
    account: [],
    symbols,
    feed: () => Object.assign(withLatency(vendor.makeFeed(), time), { connect: stream.connect }),
  });
  const process = startProcess({ provider, table, time, random: createRandom(2), stalls: [] });

  const repaired = { after: Infinity, requests: Infinity, calm: Infinity };
  if (outage !== undefined) {
    const [{ from, to }] = out;
    const lost = listings.flatMap(({ symbol }) =>
      [...market.get(symbol)!.values()].flatMap(([{ at, bar }]) => at >= from && at < to ? [bar] : [])
    );
    await time.runUntil(to);
    const before = vendor.requests.length;
    const isMissing = ({ symbol, ts }: { symbol: string; ts: number }) =>
      table.row(account.name, symbol, ts) === undefined;
    while (lost.length > 0 && time.now() < close) {
      await time.runUntil(time.now() + LOOK_MS);
      while (lost.length > 0 && !isMissing(lost.at(-1)!)) lost.pop();
      if (lost.length > 0) continue;
      const asked = vendor.requests.length;
      repaired.after = (time.now() - stream.connectedAt) / 1000;
      repaired.requests = asked - before;
      await time.runUntil(time.now() + CALM_MINUTES * MINUTE);
      repaired.calm = vendor.requests.length - asked;
    }
  } else await time.runUntil(close + after * MINUTE);
  const { requests, refusals } = vendor;
  await time.runWith(process.stop());
  return {
    ...{ requests: requests.length, refusals, mostInHour: mostIn(requests, HOUR) },
    ...{ repairedAfter: repaired.after, repairRequests: repaired.requests, calmRequests: repaired.calm },
  };
}

/** The bars of a symbol that history has by now. */
function shown(
  bars: ReadonlyMap<number, readonly State[]>,
  opening: number,
  now: number,
  { showsQuiet }: LoadAccount,
): MarketBar[] {
  const traded = [...bars.values()].flatMap(([{ at, bar }]) => at <= now ? [{ ...bar, trades: 1 }] : []);
  const [first] = traded;
  if (!showsQuiet || first === undefined) return traded;
  const minutes = Math.floor((now - opening) / MINUTE);
  return Array.from({ length: minutes }, (_, at) => opening + at * MINUTE).map((ts) => {
    const state = bars.get(ts)?.[0];
    return state !== undefined && state.at <= now
      ? { ...state.bar, trades: 1 }
      : { ...first, ts, high: first.open, low: first.open, close: first.open, volume: 0, trades: 0 };
  });
}

/** The feed, each page of whose history takes its time. */
function withLatency(feed: Feed, time: VirtualTime): Feed {
  const history = feed.history.bind(feed);
  return Object.assign(feed, {
    async *history(...asked: Parameters<Feed["history"]>) {
      for await (const page of history(...asked)) {
        await time.sleep(LATENCY_MS);
        yield page;
      }
    },
  });
}

/** Most of the moments that lie within so many milliseconds. */
function mostIn(moments: readonly number[], ms: number): number {
  let most = 0;
  for (let first = 0, next = 0; next < moments.length; next++) {
    while (moments[first] <= moments[next] - ms) first++;
    most = Math.max(most, next - first + 1);
  }
  return most;
}

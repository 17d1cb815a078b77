/**
 * History of bars over REST.
 *
 * @module
 */
import { createTokenBucket, type TokenBucket } from "../../pipeline/rate.ts";
import type { AlpacaFeed } from "./feeds.ts";
import { explainAhead, type FeedClock } from "../live/clock.ts";
import { type Feed, type FeedBar, FeedError } from "../live/feed.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { errorWithoutKey } from "../live/transport/key.ts";
import { type CallOutcome, createChain, getJson, type RestOptions } from "../live/transport/rest.ts";
import { createRowReader } from "../live/transport/rows.ts";
import { readBar } from "./bars.ts";

/** The free plan's limit. */
const REQUESTS_PER_MINUTE = 200;
/** The most bars of a page, over all its symbols. */
const PAGE_LIMIT = 10_000;
/** Most symbols of a request, so that its address has a few kB at most. */
export const HISTORY_SYMBOLS = 200;
/** Alpaca's names of timeframes whose bars start by the clock. Days are those of New York. */
export const HISTORY_TIMEFRAMES: ReadonlyMap<string, string> = new Map([
  ...["1m", "2m", "3m", "5m", "10m", "15m", "30m"].map((name) => [name, name.replace("m", "Min")]),
  ["1h", "1Hour"],
  ["1d", "1Day"],
] as [string, string][]);
/** Age of the youngest bars without a subscription is 15 minutes; half a minute more covers clocks that differ. */
const DELAY_MS = 15.5 * 60_000;
/** A day of New York ends some hours after that of UTC in which it begins. */
const DAY_LAG_MS = 6 * 60 * 60_000;

/** How to reach history. */
export interface HistoryOptions {
  /** Address of the multi-symbol bars. */
  url: string;
  feed: AlpacaFeed;
  key: string;
  secret: string;
  /** A key of {@linkcode HISTORY_TIMEFRAMES}. @default {"1m"} */
  timeframe?: string;
  /** Age of the youngest bars without a subscription, in milliseconds. @default {15.5 minutes} */
  delayMs?: number;
  /** Requests that the account's plan allows. @default {200} */
  requestsPerMinute?: number;
  /** First wait before a request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  clock?: FeedClock;
  onCall?: (outcome: CallOutcome) => void;
}

/** The history of a feed. */
export interface History {
  readonly read: Feed["history"];
  /** Paces its requests. */
  readonly bucket: TokenBucket;
  /** Age of the youngest bars, in milliseconds; learned from a refusal if it is not known before. */
  readonly lagMs: () => number;
}

/** Makes the history of a feed. That of `test` is empty. */
export function createHistory(options: HistoryOptions): History {
  const { feed, delayMs = DELAY_MS, requestsPerMinute = REQUESTS_PER_MINUTE, backoffMs, clock, onCall } = options;
  const { timeframe = "1m" } = options;
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const leastLagMs = timeframe === "1d" ? DAY_LAG_MS : 0;
  const bucket = createTokenBucket(requestsPerMinute / 60);
  const headers = { "APCA-API-KEY-ID": options.key, "APCA-API-SECRET-KEY": options.secret };
  let delayedMs = feed === "delayed_sip" ? delayMs : 0;
  const lagMs = () => Math.max(delayedMs, leastLagMs);

  function pageUrl(symbols: readonly string[], from: number, to: number, token: string | undefined): string {
    const url = new URL(options.url);
    const query = {
      symbols: symbols.join(","),
      timeframe: HISTORY_TIMEFRAMES.get(timeframe)!,
      start: new Date(from).toISOString(),
      // Both ends are inclusive.
      end: new Date(to - 1).toISOString(),
      limit: `${PAGE_LIMIT}`,
      adjustment: "raw",
      feed: feed === "delayed_sip" ? "sip" : feed,
      sort: "asc",
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    if (token !== undefined) url.searchParams.set("page_token", token);
    return url.href;
  }

  /** Yields all pages of a range. A page may be short or empty; only a missing token marks the last. */
  async function* readPages(
    symbols: readonly string[],
    from: number,
    to: number,
    { signal, onRequest }: Pick<RestOptions, "signal" | "onRequest">,
  ) {
    const reader = createRowReader((row, symbol) => {
      const bar = readBar(row, symbol, "final", timeframe);
      return typeof bar === "string" ? bar : explainAhead(bar.ts, stepMs, clock) ?? bar;
    });
    const note = createChain("Alpaca's history");
    let token: string | undefined;
    while (true) {
      const url = pageUrl(symbols, from, to, token);
      const body = await getJson(url, {
        ...{ headers, signal, clock, bucket, backoffMs, isAnswer: isTooRecent, advise, findFault, onRequest, onCall },
      });
      if (isTooRecent(403, body)) throw new TooRecentError();
      const { bars, next_page_token: next } = body as BarsPage;
      const page: FeedBar[] = [];
      for (const symbol of symbols) {
        for (const bar of reader.read(symbol, bars?.[symbol] ?? [])) {
          if (bar.ts >= from && bar.ts < to) page.push(bar);
        }
      }
      yield page;
      if (next === null || next === "") break;
      note(next);
      token = next;
    }
    reader.finish();
  }

  return {
    bucket,
    lagMs,
    async *read(symbols, from, to, signal, onRequest) {
      if (feed === "test") return;
      while (true) {
        const ready = Math.floor((Date.now() - lagMs()) / stepMs) * stepMs;
        const end = lagMs() === 0 ? to : Math.min(to, ready);
        try {
          if (from < end) yield* readPages(symbols, from, end, { signal, onRequest });
          return;
        } catch (error) {
          if (!(error instanceof TooRecentError) || delayedMs > 0) {
            throw errorWithoutKey(errorWithoutKey(error, options.key), options.secret);
          }
          delayedMs = delayMs;
        }
      }
    },
  };
}

/** A sound page. Without bars it has an empty object or null. */
interface BarsPage {
  bars: Record<string, unknown[]> | null;
  next_page_token: string | null;
}

/** Why a body is not a {@linkcode BarsPage}. The token must be explicit: a body without one was cut off. */
function findFault(body: unknown): string | undefined {
  const { bars, next_page_token: next } = (body ?? {}) as Record<string, unknown>;
  if (typeof bars !== "object" || Array.isArray(bars)) return "has no bars, expected an object or null";
  if (!Object.values(bars ?? {}).every((rows) => Array.isArray(rows) || rows === null)) {
    return "has bars of a symbol that are no list";
  }
  if (next !== null && typeof next !== "string") return "has no next_page_token, expected a text or null";
}

/** Advice about a refusal: wrong keys are answered with 403 too. */
function advise(status: number): string | undefined {
  if (status !== 401 && status !== 403) return undefined;
  return "check ALPACA_API_KEY and ALPACA_SECRET_KEY, and whether the account may read ALPACA_FEED";
}

/** The requested bars are too young for the account's subscription. */
class TooRecentError extends FeedError {
  constructor() {
    super("The Alpaca account may not read bars this young, set ALPACA_FEED=iex or subscribe to sip", {
      reason: "history",
    });
  }
}

function isTooRecent(status: number, body: unknown): boolean {
  const message = (body as { message?: unknown } | null)?.message;
  return status === 403 && typeof message === "string" && message.includes("querying recent SIP data");
}

/**
 * Kraken's spot market: no key needed. WebSocket API v2 and REST `OHLC`, after Kraken's API documentation.
 *
 * @module
 */
import { createTokenBucket } from "../pipeline/rate.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import { parseIso } from "../records/time.ts";
import { createCloser } from "./live/closer.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "./live/feed.ts";
import { createFeedProvider } from "./live/provider.ts";
import { type CallOutcome, getJson } from "./live/rest.ts";
import { runSocket } from "./live/socket.ts";
import { type Provider, type ProviderSettings, SettingError } from "./provider.ts";

const INTERVALS = [1, 5, 15, 30, 60, 240, 1440, 10080];
/** Heartbeats come about every second. */
const SILENCE_MS = 30_000;
/** History is this many rows long, the bar under way included. */
const MAX_ROWS = 720;
/** A bar is over when a later one begins, or this long after its end, in milliseconds. */
const CLOSE_AFTER_MS = 4_000;
const PING_EVERY_MS = 20_000;

/**
 * Makes the provider `kraken`.
 *
 * @throws {SettingError} If there are no symbols, or Kraken has no such timeframe.
 */
export function createKraken(settings: ProviderSettings): Provider {
  const { symbols, timeframe, variable } = settings;
  const interval = TIMEFRAMES.get(timeframe)! / 60_000;
  if (symbols.length === 0) {
    throw new SettingError("symbols", "Cannot start kraken without symbols: give some, like BTC/USD");
  }
  if (!INTERVALS.includes(interval)) {
    throw new SettingError(
      "timeframe",
      `Cannot have bars of ${timeframe} from kraken: it has those of ${INTERVALS.join(", ")} minutes`,
    );
  }
  return createFeedProvider({
    name: "kraken",
    settings,
    overlapMs: 5 * interval * 60_000,
    feed: (onCall) =>
      createKrakenFeed({
        symbols,
        timeframe,
        interval,
        socketUrl: variable("KRAKEN_WS_URL") ?? "wss://ws.kraken.com/v2",
        restUrl: variable("KRAKEN_REST_URL") ?? "https://api.kraken.com",
        provisional: settings.provisional,
        onCall,
      }),
  });
}

/** How to reach Kraken. */
interface KrakenOptions {
  symbols: readonly string[];
  timeframe: string;
  /** Minutes of a bar. */
  interval: number;
  socketUrl: string;
  restUrl: string;
  /** Whether to give bars under way too. */
  provisional: boolean;
  onCall?: (outcome: CallOutcome) => void;
}

/** One request a second is safe for the public endpoints. */
function createKrakenFeed(options: KrakenOptions): Feed {
  const { symbols, timeframe, interval, socketUrl, restUrl, onCall } = options;
  const stepMs = interval * 60_000;
  const bucket = createTokenBucket(1);
  /** Start of the oldest row of symbols of which there are older ones, which Kraken does not give. */
  const oldest = new Map<string, number>();
  return {
    name: "kraken",
    symbols,
    timeframe,
    bucket,

    async connect(session) {
      const closer = createCloser({
        stepMs,
        closeAfterMs: CLOSE_AFTER_MS,
        provisional: options.provisional,
        emit: session.emit,
      });
      let ping: ReturnType<typeof setInterval> | undefined;
      try {
        await runSocket({
          url: socketUrl,
          signal: session.signal,
          silenceMs: SILENCE_MS,
          onOpen(send) {
            send({
              method: "subscribe",
              params: { channel: "ohlc", symbol: symbols, interval, snapshot: true },
              req_id: 1,
            });
            ping = setInterval(() => send({ method: "ping" }), PING_EVERY_MS);
          },
          onMessage: (text) => readMessage(text, session, timeframe, closer.update),
        });
      } finally {
        clearInterval(ping);
        closer.stop();
      }
    },

    async *history([symbol], from, to, signal) {
      // `since` is exclusive in seconds: a whole bar less makes sure that the first is among them.
      const since = Math.floor((from - stepMs) / 1000);
      const url = `${restUrl}/0/public/OHLC?pair=${
        encodeURIComponent(restPair(symbol))
      }&interval=${interval}&since=${since}`;
      const body = await getJson(url, { signal, bucket, isThrottled, onCall }) as { error?: unknown; result?: unknown };
      if (Array.isArray(body?.error) && body.error.length > 0) {
        throw new FeedError(`Kraken has no history of ${symbol}: ${body.error.join(", ")}`, { reason: "history" });
      }
      const rows = Object.entries(body?.result ?? {}).find(([name]) => name !== "last")?.[1];
      if (!Array.isArray(rows)) throw new FeedError("Kraken's history is not as documented", { reason: "history" });
      const first = Number(rows[0]?.[0]) * 1000;
      if (rows.length >= MAX_ROWS && Number.isFinite(first)) oldest.set(symbol, first);
      // The last row is the bar under way.
      yield rows.slice(0, -1).flatMap((row) => readRow(row, symbol, timeframe)).filter(({ ts }) =>
        ts >= from && ts < to
      );
    },
    historyStart: (symbol) => oldest.get(symbol),
  };
}

/** Kraken answers 200 where others answer 429. */
function isThrottled(body: unknown): boolean {
  return JSON.stringify((body as { error?: unknown } | null)?.error ?? "").includes("Too many requests");
}

/** REST knows bitcoin as XBT, dogecoin as XDG, and pairs without the slash. */
function restPair(symbol: string): string {
  return symbol.split("/").map((asset) => asset === "BTC" ? "XBT" : asset === "DOGE" ? "XDG" : asset).join("");
}

/** Takes a message of the socket. Whatever is not as documented is rejected; the connection lives on. */
function readMessage(text: string, session: Session, timeframe: string, update: (bar: FeedBar) => void): void {
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(text);
  } catch {
    return session.reject({ raw: text.slice(0, 1000) }, "message is not JSON");
  }
  if (typeof message !== "object" || message === null) return session.reject(message, "message is not an object");
  if (message.method === "subscribe") return readSubscription(message, session);
  if (message.channel !== "ohlc") return;
  if (!Array.isArray(message.data)) return session.reject(message, "message has no data");
  for (const item of message.data) {
    const bar = readBar(item, timeframe);
    if (bar === undefined) session.reject(item, "bar is not as documented");
    else {
      session.alive(bar.symbol);
      update(bar);
    }
  }
}

function readSubscription(message: Record<string, unknown>, session: Session): void {
  const { symbol } = (message.result ?? message) as { symbol?: unknown };
  if (typeof symbol !== "string") return;
  if (message.success === true) session.subscribed(symbol);
  else session.refuse(symbol, String(message.error ?? "no reason given"));
}

function readBar(item: unknown, timeframe: string): FeedBar | undefined {
  const { symbol, open, high, low, close, volume, vwap, trades, interval_begin } = (item ?? {}) as Record<
    string,
    unknown
  >;
  if (typeof symbol !== "string" || typeof interval_begin !== "string") return undefined;
  const ts = parseIso(interval_begin);
  if (Number.isNaN(ts) || ![open, high, low, close, volume].every(Number.isFinite)) return undefined;
  const prices = { open, high, low, close, volume } as Record<"open" | "high" | "low" | "close" | "volume", number>;
  return { symbol, timeframe, ts, ...prices, ...optional({ vwap, trades }), status: "final" };
}

/** `[time, open, high, low, close, vwap, volume, count]`, prices as text. */
function readRow(row: unknown, symbol: string, timeframe: string): FeedBar[] {
  if (!Array.isArray(row)) return [];
  const [time, open, high, low, close, vwap, volume, trades] = row.map(Number);
  if (![time, open, high, low, close, volume].every(Number.isFinite)) return [];
  const bar = { symbol, timeframe, ts: time * 1000, open, high, low, close, volume };
  // A minute without trades may come as a flat row without volume: no bar, as on the stream.
  return trades === 0 && volume === 0 ? [] : [{ ...bar, ...optional({ vwap, trades }), status: "final" }];
}

/** The fields that are numbers. */
function optional(fields: { vwap: unknown; trades: unknown }): { vwap?: number; trades?: number } {
  const { vwap, trades } = fields;
  return {
    ...(Number.isFinite(vwap) ? { vwap: vwap as number } : {}),
    ...(Number.isInteger(trades) ? { trades: trades as number } : {}),
  };
}

/**
 * A fake Kraken on loopback: WebSocket API v2 and REST `OHLC` and `Trades`, as far as bars go.
 *
 * @module
 */
import { answerWith, createLapses, type Lapses } from "./lapse.ts";
import { withFlatRows } from "./flat_rows.ts";
import { createQueue } from "./queue.ts";

/** A bar as the fake's market knows it. */
export interface MarketBar {
  readonly symbol: string;
  /** Start, in epoch ms. */
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly trades: number;
}

/** History is that long, the bar under way included. */
const MAX_ROWS = 720;
const MINUTE_MS = 60_000;

/** One client's connection. */
export interface FakeConnection {
  /** Symbols that it has subscribed. */
  readonly symbols: readonly string[];
  /** Sends states of bars. */
  update(...bars: MarketBar[]): void;
  /** Sends bars that there are at the subscription. */
  snapshot(...bars: MarketBar[]): void;
  heartbeat(): void;
  /** Sends text as it is. */
  raw(text: string): void;
  /** Ends it, with a close code or without one. */
  close(code?: number): void;
  readonly isOpen: boolean;
}

/** A trade that history has. */
export interface MarketTrade {
  readonly symbol: string;
  /** Epoch ns. */
  readonly at: bigint;
  readonly price: string;
  readonly volume: string;
}

/** What the fake is like. */
export interface FakeKrakenOptions {
  /** Whether `since` includes its moment. @default {false} */
  isInclusive?: boolean;
  /** Most trades of a page. @default {1000} */
  tradesPerPage?: number;
  /** Whether history has no row for the bar under way. @default {false} */
  isQuiet?: boolean;
  /** Symbols that get no answer. */
  silent?: readonly string[];
}

/** The fake server. */
export interface FakeKraken extends AsyncDisposable {
  readonly port: number;
  /** Trades that history has, in order. */
  readonly trades: MarketTrade[];
  /** Symbols of each subscription so far. */
  readonly subscriptions: string[][];
  readonly variables: Readonly<Record<string, string>>;
  /** Bars that history has; change it at will. */
  readonly history: MarketBar[];
  /** Starts of rows that history leaves out, although it has one for each step. */
  readonly holes: Set<number>;
  /** Answers to the next REST requests that are no data: a status, or Kraken's own error with status 200. */
  readonly mishaps: (number | string)[];
  /** REST requests so far: what each asked of `OHLC` or `Trades`. */
  readonly requests: string[];
  /** What its REST side does wrong. */
  readonly lapses: Lapses;
  /** The next connection that has subscribed. */
  connection(): Promise<FakeConnection>;
  /** The next sign that a connection is in use. */
  ping(): Promise<void>;
}

/** Starts the fake. Symbols of `known` are accepted, all others refused. */
export function startFakeKraken(known: readonly string[], options: FakeKrakenOptions = {}): FakeKraken {
  const { isInclusive = false, tradesPerPage = 1000, isQuiet = false, silent = [] } = options;
  const history: MarketBar[] = [];
  const holes = new Set<number>();
  const mishaps: (number | string)[] = [];
  const requests: string[] = [];
  const lapses = createLapses();
  const trades: MarketTrade[] = [];
  const subscriptions: string[][] = [];
  const arrived = createQueue<FakeConnection>();
  const pings = createQueue<void>();
  const sockets = new Set<WebSocket>();

  function accept(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const symbols: string[] = [];
    const send = (message: unknown) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    };
    sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    // Broken connections are part of the tests.
    socket.onerror = (event) => event.preventDefault();
    socket.onopen = () => {
      send({ channel: "status", type: "update", data: [{ version: "2.0.10", system: "online", api_version: "v2" }] });
    };
    socket.onmessage = ({ data }) => {
      const { method, params } = JSON.parse(data);
      if (method === "ping") {
        pings.put();
        return send({ method: "pong" });
      }
      subscriptions.push(params.symbol);
      for (const symbol of params.symbol) {
        if (silent.includes(symbol)) continue;
        if (!known.includes(symbol)) {
          send({ error: `Currency pair not supported ${symbol}`, method: "subscribe", success: false, symbol });
          continue;
        }
        symbols.push(symbol);
        const result = { channel: "ohlc", interval: params.interval, snapshot: true, symbol };
        send({ method: "subscribe", result, success: true });
      }
      const connection: FakeConnection = {
        symbols,
        update: (...bars) => send({ channel: "ohlc", type: "update", data: bars.map(toMessage) }),
        snapshot: (...bars) => send({ channel: "ohlc", type: "snapshot", data: bars.map(toMessage) }),
        heartbeat: () => send({ channel: "heartbeat" }),
        raw: (text) => socket.send(text),
        close: (code) => socket.close(code),
        get isOpen() {
          return socket.readyState === WebSocket.OPEN;
        },
      };
      if (symbols.length > 0 && subscriptions.at(-1)!.includes(symbols[0])) arrived.put(connection);
    };
    return response;
  }

  function answer(url: URL): Response {
    requests.push(url.search);
    const mishap = mishaps.shift();
    if (typeof mishap === "number") return new Response("{}", { status: mishap });
    if (typeof mishap === "string") return Response.json({ error: [mishap] });
    const pair = url.searchParams.get("pair")!;
    // Without its class a tokenised stock is no pair.
    const assetClass = /x(USD|EUR)$/.test(pair) ? "tokenized_asset" : null;
    if (!known.some((symbol) => restName(symbol) === pair) || url.searchParams.get("asset_class") !== assetClass) {
      return Response.json({ error: ["EQuery:Unknown asset pair"] });
    }
    const since = BigInt(url.searchParams.get("since")!);
    const isAfter = (at: bigint) => isInclusive ? at >= since : at > since;
    const result = url.pathname.endsWith("/Trades")
      ? readTrades(pair, Number(url.searchParams.get("count")), isAfter, since)
      : readBars(pair, isAfter);
    return Response.json({ error: [], result: { [`X${pair}`]: result.rows, last: result.last } });
  }

  function readBars(pair: string, isAfter: (at: bigint) => boolean) {
    const bars = history.filter((bar) => restName(bar.symbol) === pair).toSorted((a, b) => a.ts - b.ts);
    // Tokenised stocks rest at times.
    const all = /x(USD|EUR)$/.test(pair) ? bars : [...withFlatRows(bars, MINUTE_MS, holes)];
    const rows = all
      .map(({ ts, open, high, low, close, volume, trades }) => [
        ts / 1000,
        ...[open, high, low, close, close, volume].map(String),
        trades,
      ]);
    const last = rows.at(-1)?.[0] ?? 0;
    // The last row is the bar under way.
    if (!isQuiet) rows.push([Math.floor(lapses.now() / 60_000) * 60, "1", "1", "1", "1", "1", "1", 1]);
    return { rows: rows.slice(-MAX_ROWS).filter(([time]) => isAfter(BigInt(time as number))), last };
  }

  function readTrades(pair: string, count: number, isAfter: (at: bigint) => boolean, since: bigint) {
    const found = trades.map((trade, id) => ({ ...trade, id }))
      .filter(({ symbol, at }) => restName(symbol) === pair && isAfter(at))
      .slice(0, Math.min(count, tradesPerPage));
    const rows = found.map(({ price, volume, at, id }) => [price, volume, Number(at) / 1e9, "b", "l", "", id]);
    return { rows, last: String(found.at(-1)?.at ?? since) };
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    return request.headers.get("upgrade") === "websocket"
      ? accept(request)
      : answerWith(lapses, url, () => answer(url));
  });
  const { port } = server.addr as Deno.NetAddr;
  return {
    port,
    trades,
    subscriptions,
    variables: { KRAKEN_WS_URL: `ws://127.0.0.1:${port}/v2`, KRAKEN_REST_URL: `http://127.0.0.1:${port}` },
    history,
    holes,
    mishaps,
    requests,
    lapses,
    connection: arrived.take,
    ping: pings.take,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  };
}

/** The bar as the stream sends it. */
export function toMessage({ ts, ...bar }: MarketBar): Record<string, unknown> {
  return { ...bar, vwap: bar.close, interval_begin: new Date(ts).toISOString().replace("Z", "000000Z"), interval: 1 };
}

const restName = (symbol: string) => symbol.replace("BTC", "XBT").replace("DOGE", "XDG").replace("/", "");

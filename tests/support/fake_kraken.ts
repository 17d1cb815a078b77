/**
 * A fake Kraken on loopback: WebSocket API v2 and REST `OHLC`, as far as bars go.
 *
 * @module
 */

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

/** One client's connection. */
export interface FakeConnection {
  /** Symbols that it has subscribed. */
  readonly symbols: readonly string[];
  /** Sends states of bars. */
  update(...bars: MarketBar[]): void;
  /** Sends text as it is. */
  raw(text: string): void;
  /** Ends it, with a close code or without one. */
  close(code?: number): void;
  readonly isOpen: boolean;
}

/** The fake server. */
export interface FakeKraken extends AsyncDisposable {
  readonly variables: Readonly<Record<string, string>>;
  /** Bars that history has; change it at will. */
  readonly history: MarketBar[];
  /** Answers to the next REST requests that are no data: a status, or Kraken's own error with status 200. */
  readonly mishaps: (number | string)[];
  /** REST requests so far. */
  readonly requests: string[];
  /** The next connection that has subscribed. */
  connection(): Promise<FakeConnection>;
}

/** Starts the fake. Symbols of `known` are accepted, all others refused. */
export function startFakeKraken(known: readonly string[]): FakeKraken {
  const history: MarketBar[] = [];
  const mishaps: (number | string)[] = [];
  const requests: string[] = [];
  const arrived: FakeConnection[] = [];
  const waiting: ((connection: FakeConnection) => void)[] = [];
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
      if (method === "ping") return send({ method: "pong" });
      for (const symbol of params.symbol) {
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
        raw: (text) => socket.send(text),
        close: (code) => socket.close(code),
        get isOpen() {
          return socket.readyState === WebSocket.OPEN;
        },
      };
      const next = waiting.shift();
      if (next === undefined) arrived.push(connection);
      else next(connection);
    };
    return response;
  }

  function answer(url: URL): Response {
    requests.push(url.search);
    const mishap = mishaps.shift();
    if (typeof mishap === "number") return new Response("{}", { status: mishap });
    if (typeof mishap === "string") return Response.json({ error: [mishap] });
    const pair = url.searchParams.get("pair")!;
    const since = Number(url.searchParams.get("since"));
    const rows = history.filter((bar) => restName(bar.symbol) === pair)
      .toSorted((a, b) => a.ts - b.ts)
      .filter(({ ts }) => ts / 1000 > since)
      .map(({ ts, open, high, low, close, volume, trades }) => [
        ts / 1000,
        ...[open, high, low, close, close, volume].map(String),
        trades,
      ]);
    // The last row is always the bar under way.
    const forming = [Math.floor(Date.now() / 60_000) * 60, "1", "1", "1", "1", "1", "1", 1];
    return Response.json({
      error: [],
      result: { [`X${pair}`]: [...rows.slice(-MAX_ROWS + 1), forming], last: rows.at(-1)?.[0] ?? 0 },
    });
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    return request.headers.get("upgrade") === "websocket" ? accept(request) : answer(url);
  });
  const { port } = server.addr as Deno.NetAddr;
  return {
    variables: { KRAKEN_WS_URL: `ws://127.0.0.1:${port}/v2`, KRAKEN_REST_URL: `http://127.0.0.1:${port}` },
    history,
    mishaps,
    requests,
    connection() {
      const connection = arrived.shift();
      return connection === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(connection);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  };
}

function toMessage({ ts, ...bar }: MarketBar): Record<string, unknown> {
  return { ...bar, vwap: bar.close, interval_begin: new Date(ts).toISOString().replace("Z", "000000Z"), interval: 1 };
}

const restName = (symbol: string) => symbol.replace("BTC", "XBT").replace("DOGE", "XDG").replace("/", "");

/**
 * A fake Binance on loopback: combined streams of klines and REST `klines`.
 *
 * @module
 */
import type { MarketBar } from "./fake_kraken.ts";
import { answerWith, createLapses, type Lapses } from "./lapse.ts";
import { withFlatRows } from "./flat_rows.ts";
import { createQueue } from "./queue.ts";

/** One client's socket. */
export interface BinanceConnection {
  /** Streams that it holds. */
  readonly streams: ReadonlySet<string>;
  readonly isOpen: boolean;
  /** Sends klines that are over. */
  bars(...bars: MarketBar[]): void;
  /** Sends states of klines under way. */
  forming(...bars: MarketBar[]): void;
  /** Sends text as it is. */
  raw(text: string): void;
  close(code?: number): void;
  /** Resolves when it is closed. */
  readonly gone: Promise<void>;
}

/** How the fake behaves; change it at will. */
export interface BinanceScript {
  /** Symbols that there are. */
  known: readonly string[];
  /** Streams that a subscription may not name. */
  refused: readonly string[];
  /** Whether requests on the socket get no answer. */
  isMute: boolean;
  /** HTTP statuses of the next handshakes. */
  handshakes: number[];
  /** Answers to the next REST requests in place of data; `undefined` is data. */
  mishaps: ({ status: number; body?: unknown; headers?: Record<string, string> } | undefined)[];
  /** Most rows of a page. */
  pageSize: number;
  /** Length of a bar, in milliseconds: a minute or a second. */
  stepMs: 60_000 | 1000;
}

/** The fake server. */
export interface FakeBinance extends AsyncDisposable {
  readonly port: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly script: BinanceScript;
  /** Bars that history has; change it at will. */
  readonly history: MarketBar[];
  /** Starts of rows that history leaves out, although it has one for each step. */
  readonly holes: Set<number>;
  /** REST requests so far. */
  readonly requests: URL[];
  /** What its REST side does wrong. */
  readonly lapses: Lapses;
  /** What clients have sent, with the time of its arrival (`performance.now()`), and paths of their handshakes. */
  readonly received: { at: number; path: string; message: { method: string; params?: string[]; id: number } }[];
  /** The next socket that has subscribed. */
  connection(): Promise<BinanceConnection>;
  /** The next sign of life that is asked for. */
  probe(): Promise<void>;
}

const MINUTE_MS = 60_000;

/** Starts the fake, behaving as documented but for what the script says. */
export function startFakeBinance(given: Partial<BinanceScript> = {}): FakeBinance {
  const script: BinanceScript = {
    known: ["BTCUSDT", "ETHUSDT"],
    refused: [],
    isMute: false,
    handshakes: [],
    mishaps: [],
    pageSize: 1000,
    stepMs: MINUTE_MS,
    ...given,
  };
  const history: MarketBar[] = [];
  const holes = new Set<number>();
  const requests: URL[] = [];
  const lapses = createLapses();
  const received: FakeBinance["received"] = [];
  const arrived = createQueue<BinanceConnection>();
  const probes = createQueue<void>();
  const sockets = new Set<WebSocket>();

  function accept(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const path = new URL(request.url).pathname;
    const streams = new Set<string>();
    const gone = Promise.withResolvers<void>();
    const send = (message: unknown) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    };
    const connection: BinanceConnection = {
      streams,
      get isOpen() {
        return socket.readyState === WebSocket.OPEN;
      },
      bars: (...bars) => bars.forEach((bar) => send(toMessage(bar, true, script.stepMs, lapses.now()))),
      forming: (...bars) => bars.forEach((bar) => send(toMessage(bar, false, script.stepMs, lapses.now()))),
      raw: (text) => socket.send(text),
      close: (code) => socket.close(code),
      gone: gone.promise,
    };
    sockets.add(socket);
    socket.onclose = () => {
      sockets.delete(socket);
      gone.resolve();
    };
    socket.onerror = (event) => event.preventDefault();
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      received.push({ at: performance.now(), path, message });
      const { method, params = [], id } = message;
      if (method === "LIST_SUBSCRIPTIONS") probes.put();
      if (script.isMute) return;
      if (method === "LIST_SUBSCRIPTIONS") return send({ result: [...streams], id });
      if (params.some((stream: string) => script.refused.includes(stream))) {
        return send({ error: { code: 2, msg: "Invalid request: unknown stream" }, id });
      }
      // Any name will do, also that of a symbol which there is not.
      for (const stream of params) streams.add(stream);
      send({ result: null, id });
      if (streams.size === params.length) arrived.put(connection);
    };
    return response;
  }

  function answer(url: URL): Response {
    requests.push(url);
    const mishap = script.mishaps.shift();
    if (mishap !== undefined) {
      return Response.json(mishap.body ?? {}, { status: mishap.status, headers: mishap.headers });
    }
    const query = (name: string) => url.searchParams.get(name);
    if (url.pathname !== "/api/v3/klines") return Response.json({}, { status: 404 });
    if (!script.known.includes(query("symbol")!)) {
      return Response.json({ code: -1121, msg: "Invalid symbol." }, { status: 400 });
    }
    const [from, to] = [Number(query("startTime") ?? 0), Number(query("endTime") ?? Infinity)];
    const bars = history.filter(({ symbol }) => symbol === query("symbol")).toSorted((a, b) => a.ts - b.ts);
    const rows = withFlatRows(bars, script.stepMs, holes).filter(({ ts }) => ts >= from && ts <= to)
      .take(Math.min(script.pageSize, Number(query("limit") ?? 500)));
    return Response.json([...rows.map((bar) => toRow(bar, script.stepMs))]);
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      const url = new URL(request.url);
      return answerWith(lapses, url, () => answer(url));
    }
    const status = script.handshakes.shift();
    return status === undefined ? accept(request) : new Response("no", { status });
  });
  const { port } = server.addr as Deno.NetAddr;
  return {
    port,
    variables: { BINANCE_WS_URL: `ws://127.0.0.1:${port}`, BINANCE_REST_URL: `http://127.0.0.1:${port}` },
    script,
    history,
    holes,
    requests,
    lapses,
    received,
    connection: arrived.take,
    probe: probes.take,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  };
}

/** The message of a kline, which is sent at its end or `now`, whichever is earlier. */
export function toMessage(
  bar: MarketBar,
  isOver: boolean,
  stepMs = MINUTE_MS,
  now = Infinity,
): { stream: string; data: Record<string, unknown> } {
  const { symbol, ts, open, high, low, close, volume, trades } = bar;
  const quoted = (volume * close).toFixed(8);
  const interval = stepMs === MINUTE_MS ? "1m" : "1s";
  const k = {
    ...{ t: ts, T: ts + stepMs - 1, s: symbol, i: interval, f: 100, L: 200, o: String(open), c: String(close) },
    ...{ h: String(high), l: String(low), v: String(volume), n: trades, x: isOver, q: quoted, V: "0", Q: "0", B: "0" },
  };
  return {
    stream: `${symbol.toLowerCase()}@kline_${interval}`,
    data: { e: "kline", E: Math.min(ts + stepMs, now), s: symbol, k },
  };
}

/** The row of a kline in history. */
export function toRow({ ts, open, high, low, close, volume, trades }: MarketBar, stepMs = MINUTE_MS): unknown[] {
  const prices = [open, high, low, close, volume].map(String);
  return [ts, ...prices, ts + stepMs - 1, (volume * close).toFixed(8), trades, "0", "0", "0"];
}

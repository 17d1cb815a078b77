/**
 * A fake Alpaca on loopback: stream and REST v2 of its Market Data API, as far as minute bars go.
 *
 * @module
 */
import type { MarketBar } from "./fake_kraken.ts";
import { answerWith, createLapses, type Lapses } from "./lapse.ts";
import { createQueue } from "./queue.ts";

export const KEY = "PKTESTKEY0123456789";
export const SECRET = "s3cr3tOfTheTests/neverToBeSeen";

/** One client's connection that has subscribed. */
export interface AlpacaConnection {
  /** Symbols whose bars it gets. */
  readonly symbols: ReadonlySet<string>;
  /** Sends minute bars, `b`, as one message. */
  bars(...bars: MarketBar[]): void;
  /** Sends updated bars, `u`. */
  updates(...bars: MarketBar[]): void;
  error(code: number, msg: string): void;
  /** Sends text as it is. */
  raw(text: string): void;
  close(code?: number): void;
  readonly isOpen: boolean;
}

/** An answer that is not data. */
export interface Mishap {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** What the fake is like. */
export interface FakeAlpacaOptions {
  /** Symbols that there are; others make a request a bad one. @default {all} */
  known?: readonly string[];
  /** Symbols that one connection may have. @default {any number} */
  limit?: number;
  /** Most bars of a page, below what is asked for. @default {10000} */
  pageSize?: number;
  /** Symbols that are left out of subscriptions at first. */
  silent?: readonly string[];
  /** Milliseconds that bars must be old to be read. @default {0} */
  delayMs?: number;
}

/** The fake server. */
export interface FakeAlpaca extends AsyncDisposable {
  readonly port: number;
  /** Whether subscribing what is subscribed already is answered. */
  answersAgain: boolean;
  readonly variables: Record<string, string>;
  readonly history: MarketBar[];
  /** Answers to the next REST requests that are no data. */
  readonly mishaps: Mishap[];
  /** Errors to the next authentications, and whether the socket is closed after each. */
  readonly refusals: { code: number; msg: string; close?: boolean }[];
  /** HTTP statuses of the next handshakes. */
  readonly handshakes: number[];
  /** Messages of clients so far, and the paths that they were sent to. */
  readonly received: { path: string; message: Record<string, unknown> }[];
  /** What an answer waits for on its way. */
  hold?: (request: URL) => Promise<void>;
  /** REST requests so far. */
  readonly requests: URL[];
  /** Symbols that are left out of subscriptions without an error; change it at will. */
  readonly silent: Set<string>;
  /** Symbols whose corrections are left out of subscriptions; change it at will. */
  readonly uncorrected: Set<string>;
  /** What its REST side does wrong. */
  readonly lapses: Lapses;
  /** The next connection whose first subscription is answered. */
  connection(): Promise<AlpacaConnection>;
  /** Waits until a client's message makes `done` true. */
  until(done: () => boolean): Promise<void>;
}

/** Starts the fake. */
export function startFakeAlpaca(options: FakeAlpacaOptions = {}): FakeAlpaca {
  const { known, limit = Infinity, pageSize = 10_000, delayMs = 0 } = options;
  const fake = {
    answersAgain: true,
    history: [] as MarketBar[],
    mishaps: [] as Mishap[],
    refusals: [] as FakeAlpaca["refusals"],
    handshakes: [] as number[],
    received: [] as FakeAlpaca["received"],
    requests: [] as URL[],
    lapses: createLapses(),
    silent: new Set(options.silent),
    uncorrected: new Set<string>(),
    hold: undefined as FakeAlpaca["hold"],
  };
  const arrived = createQueue<AlpacaConnection>();
  const watchers = new Set<() => void>();
  const sockets = new Set<WebSocket>();

  function accept(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const path = new URL(request.url).pathname;
    const symbols = new Set<string>();
    let isAuthenticated = false;
    let hasArrived = false;
    const send = (...items: unknown[]) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(items));
    };
    const error = (code: number, msg: string) => send({ T: "error", code, msg });

    function authenticate(message: Record<string, unknown>): void {
      if (isAuthenticated) return error(403, "already authenticated");
      const refusal = fake.refusals.shift();
      if (refusal !== undefined) {
        error(refusal.code, refusal.msg);
        if (refusal.close) socket.close();
      } else if (message.key !== KEY || message.secret !== SECRET) error(402, "auth failed");
      else {
        isAuthenticated = true;
        send({ T: "success", msg: "authenticated" });
      }
    }

    function subscribe({ bars }: Record<string, unknown>): void {
      if (!isAuthenticated) return error(401, "not authenticated");
      const wanted = (bars as string[]).filter((symbol) => !symbols.has(symbol));
      if (wanted.length === 0 && !fake.answersAgain) return;
      if (wanted.some((symbol) => known !== undefined && !known.includes(symbol))) {
        return error(400, "invalid syntax");
      }
      if (symbols.size + wanted.length > limit) return error(405, "symbol limit exceeded");
      for (const symbol of wanted) if (!fake.silent.has(symbol)) symbols.add(symbol);
      const all = [...symbols];
      const updatedBars = all.filter((symbol) => !fake.uncorrected.has(symbol));
      send({ T: "subscription", trades: [], quotes: [], bars: all, updatedBars, dailyBars: [], statuses: [] });
      if (hasArrived) return;
      hasArrived = true;
      const connection: AlpacaConnection = {
        symbols,
        bars: (...bars) => send(...bars.map((bar) => toItem("b", bar))),
        updates: (...bars) => send(...bars.map((bar) => toItem("u", bar))),
        error,
        raw: (text) => socket.send(text),
        close: (code) => socket.close(code),
        get isOpen() {
          return socket.readyState === WebSocket.OPEN;
        },
      };
      arrived.put(connection);
    }

    sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    // Broken connections are part of the tests.
    socket.onerror = (event) => event.preventDefault();
    socket.onopen = () => send({ T: "success", msg: "connected" });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      fake.received.push({ path, message });
      if (message.action === "auth") authenticate(message);
      else if (message.action === "subscribe") subscribe(message);
      else error(400, "invalid syntax");
      for (const watch of watchers) watch();
    };
    return response;
  }

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    fake.requests.push(url);
    for (const watch of watchers) watch();
    const mishap = fake.mishaps.shift();
    if (mishap !== undefined) {
      return Response.json(mishap.body ?? { message: "mishap" }, { status: mishap.status, headers: mishap.headers });
    }
    const { headers } = request;
    if (headers.get("APCA-API-KEY-ID") !== KEY || headers.get("APCA-API-SECRET-KEY") !== SECRET) {
      return Response.json({ message: "forbidden." }, { status: 403 });
    }
    const query = (name: string) => url.searchParams.get(name)!;
    if (Date.parse(query("end")) > fake.lapses.now() - delayMs) {
      return Response.json({ message: "subscription does not permit querying recent SIP data" }, { status: 403 });
    }
    const wanted = new Set(query("symbols").split(","));
    const [from, to] = [Date.parse(query("start")), Date.parse(query("end"))];
    const unknown = [...wanted].find((symbol) => known !== undefined && !known.includes(symbol));
    if (unknown !== undefined) return Response.json({ message: `invalid symbol: ${unknown}` }, { status: 400 });
    const rows = fake.history
      .filter(({ symbol, ts }) => ts >= from && ts <= to && wanted.has(symbol))
      .toSorted((a, b) => a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : a.ts - b.ts);
    const first = Number(url.searchParams.get("page_token")?.slice(1) ?? 0);
    const next = first + Math.min(pageSize, Number(query("limit")));
    const bars: Record<string, unknown[]> = {};
    for (const bar of rows.slice(first, next)) (bars[bar.symbol] ??= []).push(toRow(bar));
    await fake.hold?.(url);
    return Response.json({ bars, next_page_token: next < rows.length ? `t${next}` : null });
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      return answerWith(fake.lapses, new URL(request.url), () => answer(request));
    }
    const status = fake.handshakes.shift();
    return status === undefined ? accept(request) : new Response("no", { status });
  });
  const { port } = server.addr as Deno.NetAddr;
  return Object.assign(fake, {
    port,
    variables: {
      ALPACA_API_KEY: KEY,
      ALPACA_SECRET_KEY: SECRET,
      ALPACA_STREAM_URL: `ws://127.0.0.1:${port}`,
      ALPACA_DATA_URL: `http://127.0.0.1:${port}`,
    },
    connection: arrived.take,
    until: (done: () => boolean) =>
      new Promise<void>((resolve) => {
        const watch = () => {
          if (!done()) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  });
}

/** A bar as the stream sends it. */
export function toItem(type: "b" | "u", bar: MarketBar): Record<string, unknown> {
  return { T: type, S: bar.symbol, ...toRow(bar) };
}

function toRow({ ts, open, high, low, close, volume, trades }: MarketBar): Record<string, unknown> {
  const t = new Date(ts).toISOString().replace(".000", "");
  return { o: open, h: high, l: low, c: close, v: volume, t, n: trades, vw: close };
}

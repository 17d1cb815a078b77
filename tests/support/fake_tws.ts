/**
 * A fake TWS on loopback, at server version 176, as far as bars go.
 *
 * @module
 */
import { createQueue } from "./queue.ts";
import { createTwsJudge, type JudgedRequest, type TwsLimits } from "./tws_limits.ts";
import { concat, encode, readFrames, writeAll } from "./tws_wire.ts";

/** A bar as the fake's market knows it. */
export interface MarketBar {
  /** As in the provider: `AAPL`, `EUR.USD`. */
  readonly symbol: string;
  /** Start, in epoch ms. */
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly count: number;
  readonly wap: number;
}

/** A request for bars. */
export interface BarsAsked extends JudgedRequest {
  readonly id: number;
  readonly exchange: string;
  readonly currency: string;
  /** Whether it is for real-time bars of five seconds. */
  readonly isRealTime: boolean;
}

/** One client's connection. */
export interface FakeConnection {
  readonly clientId: number;
  /** Numbers of requests that were cancelled. */
  readonly cancelled: readonly number[];
  /** The next subscription of the symbol, once it is answered. */
  subscription(symbol: string): Promise<BarsAsked>;
  /** The next subscription of the symbol's real-time bars, once it is accepted. */
  realTime(symbol: string): Promise<BarsAsked>;
  /** Sends the state of a bar to its newest subscription, if there is one. */
  update(bar: MarketBar): void;
  /** Sends a bar of five seconds to the newest subscription of the symbol's real-time bars, if there is one. */
  part(bar: MarketBar): void;
  /** Breaks the farms for a moment: all that is kept up to date dies with 10182, and the connection lives. */
  blip(): void;
  /** Number of the symbol's newest subscription. */
  newest(symbol: string): number | undefined;
  /** Forgets the subscriptions of these symbols without a word. */
  forget(...symbols: string[]): void;
  /** Sends a message about a request. */
  error(id: number, code: number, text: string): void;
  /** Sends a message about the connection. */
  info(code: number, text: string): void;
  /** Sends a frame of any fields. */
  send(...fields: (string | number)[]): void;
  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void;
  /** Stays open, and does nothing more. */
  freeze(): void;
  /** Resolves when the client is gone. */
  readonly gone: Promise<void>;
  close(): void;
}

/** The fake server. */
export interface FakeTws extends AsyncDisposable {
  readonly port: number;
  readonly variables: Readonly<Record<string, string>>;
  /** Bars that history has; change it at will. */
  readonly history: MarketBar[];
  /** Requests for bars so far. */
  readonly asked: BarsAsked[];
  /** Historical requests that are open, those kept up to date too, of all clients. */
  readonly open: number;
  /** Whether requests that are not kept up to date stay open until this is false again. */
  isHolding: boolean;
  /** Errors that answer the next requests for history that are not kept up to date. */
  readonly mishaps: { code: number; text: string }[];
  /** What history has, in place of {@linkcode FakeTws.history}, while it is set. */
  shows?: () => readonly MarketBar[];
  /** What history answers in place of the bars that it has, while it is set. */
  alter?: (ask: BarsAsked, bars: readonly MarketBar[]) => readonly MarketBar[];
  /** What its clock shows, in epoch ms; change it at will. */
  now: () => number;
  /** The next connection that is ready. */
  connection(): Promise<FakeConnection>;
}

/** Options of {@linkcode startFakeTws}. */
export interface FakeOptions {
  /** Why symbols are refused: a code and a text. */
  refused?: Record<string, [number, string]>;
  /** Ids of clients that are in use, for so many attempts. */
  inUse?: Map<number, number>;
  /** Accepts connections and says nothing. */
  isSilent?: boolean;
  /** What it says of its version. */
  version?: number;
  /** What it says once a client is ready: a code and a text. */
  greeting?: [number, string];
  limits?: TwsLimits;
  /** Whether a day is that of the date in UTC, as TWS counts days of trade, and not the last 24 hours. */
  countsDates?: boolean;
}

const DAY = 86_400_000;
const FARM_WELL: [number, string] = [2104, "Market data farm connection is OK:usfarm"];

/** Starts the fake. */
export function startFakeTws(options: FakeOptions = {}): FakeTws {
  const { refused = {}, inUse = new Map(), isSilent = false, version = 176, greeting = FARM_WELL, limits = {} } =
    options;
  const history: MarketBar[] = [];
  const asked: BarsAsked[] = [];
  const mishaps: { code: number; text: string }[] = [];
  const connections = createQueue<FakeConnection>();
  const sockets = new Set<Deno.TcpConn>();
  const open = new Set<string>();
  const lines = new Set<string>();
  const held: (() => void)[] = [];
  let isHolding = false;
  const judge = createTwsJudge(limits, {
    open: () => open.size,
    lines: () => lines.size,
    now: () => fake.now(),
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

  async function serve(socket: Deno.TcpConn): Promise<void> {
    sockets.add(socket);
    // Small frames go at once, as those of TWS do.
    socket.setNoDelay(true);
    let isFrozen = isSilent;
    let writing = Promise.resolve();
    const gone = Promise.withResolvers<void>();
    const cancelled: number[] = [];
    const subscriptions = new Map<string, ReturnType<typeof createQueue<BarsAsked>>>();
    const newest = new Map<string, number>();
    /** Whether bars of a subscription are those of days, which are dated. */
    const isDaily = new Set<number>();
    const realTime = new Map<string, number>();
    const connection = crypto.randomUUID();
    const keyOf = (id: number) => `${connection} ${id}`;

    const raw = (bytes: Uint8Array) => {
      writing = writing.then(() => writeAll(socket, bytes)).catch(() => {});
    };
    const send = (...fields: (string | number)[]) => raw(encode(fields));
    const error = (id: number, code: number, text: string) => send(4, 2, id, code, text, "");
    const close = () => {
      if (sockets.delete(socket)) socket.close();
    };
    function queue(symbol: string) {
      const found = subscriptions.get(symbol) ?? createQueue<BarsAsked>();
      subscriptions.set(symbol, found);
      return found;
    }
    function start(clientId: number): void {
      const left = inUse.get(clientId) ?? 0;
      if (left > 0) {
        inUse.set(clientId, left - 1);
        error(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id.");
        writing.then(close);
        return;
      }
      // In one piece, as a server may.
      raw(concat([[15, 1, "DU111"], [9, 1, 1], [4, 2, -1, ...greeting, ""]].map(encode)));
      connections.put({
        clientId,
        cancelled,
        subscription: (symbol) => queue(symbol).take(),
        realTime: (symbol) => queue(`${symbol} real-time`).take(),
        update({ symbol, ts, open, high, low, close, volume, count, wap }) {
          const id = newest.get(symbol);
          if (id !== undefined) send(90, id, count, dateOf(ts, isDaily.has(id)), open, close, high, low, wap, volume);
        },
        part({ symbol, ts, open, high, low, close, volume, count, wap }) {
          const id = realTime.get(symbol);
          if (id !== undefined) send(50, 3, id, ts / 1000, open, high, low, close, volume, wap, count);
        },
        blip() {
          error(-1, 2103, "Market data farm connection is broken:usfarm");
          error(-1, 2105, "HMDS data farm connection is broken:ushmds");
          for (const [symbol, id] of newest) {
            error(id, 10182, "Failed to request live updates (disconnected).");
            forget(symbol);
          }
          error(-1, 2104, "Market data farm connection is OK:usfarm");
          error(-1, 2106, "HMDS data farm connection is OK:ushmds");
        },
        newest: (symbol) => newest.get(symbol),
        forget: (...symbols) => symbols.forEach(forget),
        error,
        info: (code, text) => error(-1, code, text),
        send,
        raw,
        freeze: () => isFrozen = true,
        gone: gone.promise,
        close,
      });
    }
    function forget(symbol: string): void {
      open.delete(keyOf(newest.get(symbol) ?? NaN));
      newest.delete(symbol);
    }
    function cancel(id: number): void {
      cancelled.push(id);
      for (const ids of [newest, realTime]) for (const [symbol, each] of ids) if (each === id) ids.delete(symbol);
      if (!open.delete(keyOf(id)) && !lines.delete(keyOf(id))) {
        error(id, 366, `No historical data query found for ticker id:${id}`);
      }
    }
    function answerRealTime(ask: BarsAsked): void {
      asked.push(ask);
      const refusal = refused[ask.symbol] ?? judge.realTime(ask);
      if (refusal !== undefined) return error(ask.id, ...refusal);
      lines.add(keyOf(ask.id));
      realTime.set(ask.symbol, ask.id);
      queue(`${ask.symbol} real-time`).put(ask);
    }
    function answer(ask: BarsAsked): void {
      asked.push(ask);
      const refusal = refused[ask.symbol] ?? judge.history(ask);
      if (refusal !== undefined) return error(ask.id, ...refusal);
      open.add(keyOf(ask.id));
      const reply = () => {
        if (!ask.keepUpToDate) open.delete(keyOf(ask.id));
        give(ask);
      };
      if (isHolding && !ask.keepUpToDate) held.push(reply);
      else reply();
    }
    function give(ask: BarsAsked): void {
      const mishap = ask.keepUpToDate ? undefined : mishaps.shift();
      if (mishap !== undefined) return error(ask.id, mishap.code, mishap.text);
      const until = ask.end === "" ? fake.now() : readEnd(ask.end);
      const plain = (fake.shows?.() ?? history).filter(({ symbol, ts }) =>
        symbol === ask.symbol && ts < until && ts >= beginning(ask.duration, until)
      ).toSorted((a, b) => a.ts - b.ts);
      const bars = ask.keepUpToDate ? plain : fake.alter?.(ask, plain) ?? plain;
      if (bars.length === 0 && !ask.keepUpToDate) {
        const text = `Historical Market Data Service error message:HMDS query returned no data: ${ask.symbol}`;
        return error(ask.id, 162, text);
      }
      const rows = bars.map((bar) => [
        dateOf(bar.ts, ask.barSize === "1 day"),
        ...[bar.open, bar.high, bar.low, bar.close, bar.volume, bar.wap, bar.count],
      ]);
      send(17, ask.id, "20261018 09:30:00", "20261018 10:30:00", bars.length, ...rows.flat());
      if (!ask.keepUpToDate) return;
      newest.set(ask.symbol, ask.id);
      if (ask.barSize === "1 day") isDaily.add(ask.id);
      queue(ask.symbol).put(ask);
    }
    try {
      for await (const fields of readFrames(socket)) {
        if (isFrozen) continue;
        const [kind] = fields;
        if (kind.startsWith("v100")) send(version, "20261018 09:30:00 EST");
        if (kind === "71") start(Number(fields[2]));
        if (kind === "49") send(49, 1, Math.floor(fake.now() / 1000));
        if (kind === "25" || kind === "51") cancel(Number(fields[2]));
        if (kind === "20") answer(readAsk(fields));
        if (kind === "50") answerRealTime(readRealTimeAsk(fields));
      }
    } catch {
      // Reset by the client, or closed here.
    }
    for (const keys of [open, lines]) for (const key of keys) if (key.startsWith(connection)) keys.delete(key);
    gone.resolve();
    close();
  }

  /** Where a duration that ends at `until` begins. */
  function beginning(duration: string, until: number): number {
    const [count, unit] = duration.split(" ");
    const ms = Number(count) * { S: 1000, D: DAY, W: 7 * DAY, M: 30 * DAY, Y: 365 * DAY }[unit]!;
    if (unit === "S" || !options.countsDates) return until - ms;
    return Math.floor((until - 1) / DAY) * DAY + DAY - ms;
  }

  const serving = (async () => {
    const each: Promise<void>[] = [];
    for await (const socket of listener) each.push(serve(socket));
    await Promise.all(each);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const fake: FakeTws = {
    port,
    now: () => Date.now(),
    variables: { IBKR_HOST: "127.0.0.1", IBKR_PORT: String(port) },
    history,
    asked,
    mishaps,
    get open() {
      return open.size;
    },
    get isHolding() {
      return isHolding;
    },
    set isHolding(value) {
      isHolding = value;
      if (!value) { for (const reply of held.splice(0)) reply(); }
    },
    connection: connections.take,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const socket of sockets) socket.close();
      sockets.clear();
      await serving;
    },
  };
  return fake;
}

function readAsk(fields: string[]): BarsAsked {
  const [, id, , symbol, secType, expiry, , , multiplier, exchange, , currency, , , expired, end, barSize, duration] =
    fields;
  const [, whatToShow, , keepUpToDate] = fields.slice(18);
  const name = secType === "CASH" ? `${symbol}.${currency}` : symbol;
  return {
    id: Number(id),
    symbol: name,
    ...{ secType, exchange, expiry, multiplier, currency, end, barSize, duration, whatToShow },
    includeExpired: expired === "1",
    keepUpToDate: keepUpToDate === "1",
    isRealTime: false,
  };
}

function readRealTimeAsk(fields: string[]): BarsAsked {
  const [, , id, , symbol, secType, expiry, , , multiplier, exchange, , currency, , , , whatToShow] = fields;
  return {
    id: Number(id),
    symbol: secType === "CASH" ? `${symbol}.${currency}` : symbol,
    ...{ secType, exchange, expiry, multiplier, currency, whatToShow, end: "", barSize: "5 secs", duration: "" },
    ...{ includeExpired: false, keepUpToDate: false, isRealTime: true },
  };
}

const dateOf = (ts: number, isDaily: boolean) =>
  isDaily ? new Date(ts).toISOString().slice(0, 10).replaceAll("-", "") : ts / 1000;

/** `yyyymmdd-hh:mm:ss` in UTC. */
function readEnd(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)-(.*)$/, "$1-$2-$3T$4Z"));
}

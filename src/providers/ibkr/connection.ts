/**
 * One connection to TWS or IB Gateway, from its opening to its end, through `@stoqey/ib`.
 *
 * The library speaks the protocol and leaves the rest to its user. It reports that it is connected before TWS accepts
 * requests (`nextValidId` means ready). It repeats the requests of a dead connection on the next, so each connection
 * gets a new client. It reports events of the whole connection through `info`, and does not notice a half-open socket.
 *
 * @module
 */
import type { BarSizeSetting } from "@stoqey/ib";
import { FeedError, type FeedErrorReason } from "../live/feed.ts";
import type { RawBar } from "./bars.ts";
import { classify, CODE } from "./codes.ts";
import { createClient } from "./client.ts";
import { findBadBars } from "./fields.ts";
import type { Listing } from "./contract.ts";

const FUTURE = "FUT";

/** Times of a connection, in milliseconds. */
export interface ConnectionTiming {
  /** Longest wait until TWS is ready. */
  openTimeoutMs: number;
  /** How often TWS is asked for its time, which it must answer within `answerMs`. */
  watchEveryMs: number;
  answerMs: number;
  /** Whether TWS resets around that time (epoch ms), when a lost connection is expected. */
  isResetTime: (at: number) => boolean;
}

/** Options of {@linkcode openConnection}. */
export interface ConnectionOptions extends ConnectionTiming {
  host: string;
  port: number;
  clientId: number;
  /** Ends the connection. */
  signal: AbortSignal;
  /** Returns a request number that no request on any connection has had. */
  nextId: () => number;
  /** Whether TWS has accepted this client before: then "in use" refers to its own last connection. */
  wasReady: boolean;
  /** Called with messages that name no request. */
  onInfo: (code: number, text: string) => void;
  /** Called with the port that TWS moves to, `undefined` if it is unknown; the connection ends then. */
  onPort: (port: number | undefined) => void;
  /** Called with TWS's time, in epoch ms, to the second. */
  onTime: (ms: number) => void;
  /** Called with unreadable messages; the connection continues. */
  onUnreadable: (text: string) => void;
}

/** The bars to request. */
export interface BarsRequest {
  readonly listing: Listing;
  readonly barSize: BarSizeSetting;
  readonly duration: string;
  /** `""` means now. */
  readonly end: string;
  /** Whether updates follow the existing bars. */
  readonly keepUpToDate: boolean;
}

/** The answers to a request. */
export interface Answers {
  bar(bar: RawBar): void;
  /** All existing bars have come. */
  done(): void;
  update(bar: RawBar): void;
  error(code: number, text: string): void;
}

/** A connection that is ready. */
export interface Connection {
  /** Aborts when the connection ends, with the reason. */
  readonly signal: AbortSignal;
  /** Rejects when the connection ends. */
  readonly ended: Promise<never>;
  /** Resolves when the connection is cleaned up. */
  readonly closed: Promise<void>;
  /** Requests bars; returns a function that cancels the request. */
  ask(request: BarsRequest, answers: Answers): () => void;
  /**
   * Requests bars of five seconds at their end, each an update; returns a function that cancels the request. TWS only
   * answers to refuse.
   */
  askRealTime(listing: Listing, answers: Answers): () => void;
  /** Ends the connection. */
  end(error: unknown): void;
}

/**
 * States of a connection:
 *
 * - `opening`: TWS has not said yet that it accepts requests; `timer` ends the wait.
 * - `ready`: requests are accepted.
 * - `asked`: ready, and TWS still has to answer with its time; `timer` ends the connection.
 * - `ended`: the connection's signal has the reason.
 */
type State =
  | { readonly name: "opening" | "asked"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly name: "ready" | "ended" };

/** The message that is being read. */
interface Message {
  /** It cannot be read to its end, so its values are ignored. */
  isDoubtful: boolean;
  /** Its bars with fields that are not numbers, by position. */
  readonly badBars: ReadonlyMap<number, string>;
  /** Number of its bars so far. */
  bars: number;
}

/**
 * Opens a connection and waits until TWS is ready.
 *
 * @throws {FeedError} If it cannot be opened.
 * @throws The signal's reason.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { host, port, clientId, signal, nextId, onInfo, onUnreadable } = options;
  const client = await createClient({ host, port, clientId }, (read) => {
    if (state.name === "ended") return;
    try {
      read();
    } catch (error) {
      fail(`${where} sent what cannot be read: ${(error as Error).message}`, "protocol");
    }
  });
  signal.throwIfAborted();
  const { api, names } = client;
  const requests = new Map<number, Answers>();
  /** Numbers of requests that continue after their first answer. */
  const lasting = new Set<number>();
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<never>();
  const closed = Promise.withResolvers<void>();
  const ending = new AbortController();
  let heardAt = 0;
  const where = `TWS at ${host}:${port}`;
  let message: Message = { isDoubtful: false, badBars: new Map(), bars: 0 };
  ended.promise.catch(() => {});
  let state: State = {
    name: "opening",
    timer: setTimeout(
      () => fail(`${where} was not ready within ${options.openTimeoutMs} ms`, "connect"),
      options.openTimeoutMs,
    ),
  };

  function setState(next: State): void {
    if ("timer" in state) clearTimeout(state.timer);
    state = next;
  }

  function end(error: unknown): void {
    if (state.name === "ended") return;
    setState({ name: "ended" });
    ending.abort(error);
    clearInterval(watch);
    signal.removeEventListener("abort", abort);
    requests.clear();
    ready.reject(error);
    ended.reject(error);
    api.disconnect();
  }
  function fail(message: string, reason: FeedErrorReason, isFatal = false, cooldownMs = 0): void {
    const isNews = !["closed", "connect"].includes(reason) || !options.isResetTime(Date.now());
    end(new FeedError(message, { reason: isNews ? reason : "nightly-reset", isFatal, cooldownMs }));
  }
  const abort = () => end(signal.reason);

  const watch = setInterval(() => {
    if (state.name !== "ready") return;
    const askedAt = performance.now();
    client.send(() => api.reqCurrentTime());
    const timer = setTimeout(() => {
      setState({ name: "ready" });
      if (heardAt < askedAt) fail(`${where} does not answer any more`, "silence");
    }, options.answerMs);
    setState({ name: "asked", timer });
  }, options.watchEveryMs);

  /** The bar, without the numbers that the library made from absent values. */
  function checked(bar: RawBar): RawBar {
    const text = message.badBars.get(message.bars++);
    return text === undefined ? bar : { ...bar, open: NaN, high: NaN, low: NaN, close: NaN, text };
  }

  /** Handles a message of the whole connection, which comes in two ways. */
  function inform(code: number, text: string): void {
    switch (code) {
      case CODE.clientIdInUse:
        // After a lost connection TWS may take a while to drop the last one.
        if (options.wasReady) return fail(`${where} still has a client ${clientId}`, "client-id", false, 15_000);
        return fail(
          `${where} has another client with the id ${clientId}: set IBKR_CLIENT_ID to a free one`,
          "client-id",
          true,
        );
      case CODE.portChanged:
        options.onPort(readPort(text));
        return fail(`${where} leaves its port: ${text}`, "port");
      case CODE.outdated:
      case CODE.unsupported:
        return fail(`${where} speaks a version that is not supported, install a current one: ${text}`, "version", true);
      case CODE.connectFailed:
      case CODE.notConnected:
        return state.name === "opening"
          ? fail(`Cannot connect to ${where}, is it running, with its API enabled on that port? ${text}`, "connect")
          : fail(`Connection to ${where} was lost: ${text}`, "closed");
      case CODE.unreadable:
        // The library may complain of a message more than once.
        if (!message.isDoubtful) onUnreadable(text);
        message.isDoubtful = true;
        return;
      default:
        return onInfo(code, text);
    }
  }

  api.on(names.received, (tokens) => {
    heardAt = performance.now();
    message = { isDoubtful: false, badBars: findBadBars(tokens), bars: 0 };
    // The library would read a frame with a negative length for ever.
    if (tokens.length === 0) throw new Error("empty message");
  });
  api.on(names.nextValidId, () => {
    if (state.name === "ended") return;
    setState({ name: "ready" });
    client.send(() => api.reqCurrentTime());
    ready.resolve();
  });
  api.on(names.currentTime, (seconds) => options.onTime(seconds * 1000));
  api.on(names.info, (text, code) => inform(code, text));
  api.on(names.error, ({ message: text }, code, id) => {
    const answers = requests.get(id);
    // A finished request need not be cancelled.
    if (!lasting.has(id) && classify(code, text) !== "ignore") requests.delete(id);
    if (answers !== undefined) answers.error(code, text);
    // A message about a finished request has no listener.
    else if (id < 0) inform(code, text);
  });
  api.on(names.historicalData, (id, date, open, high, low, close, volume, count, wap) => {
    if (message.isDoubtful) return;
    if (date.startsWith("finished")) {
      const answers = requests.get(id);
      // An answered request need not be cancelled.
      if (!lasting.has(id)) requests.delete(id);
      answers?.done();
    } else requests.get(id)?.bar(checked({ date, open, high, low, close, volume, count, wap }));
  });
  api.on(names.historicalDataUpdate, (id, date, open, high, low, close, volume, count, wap) => {
    if (!message.isDoubtful) requests.get(id)?.update(checked({ date, open, high, low, close, volume, count, wap }));
  });
  api.on(names.realtimeBar, (id, time, open, high, low, close, volume, wap, count) => {
    const bar = { date: String(time), open, high, low, close, volume, count, wap };
    if (!message.isDoubtful) requests.get(id)?.update(checked(bar));
  });
  api.on(names.disconnected, () => {
    fail(`${where} closed the connection`, "closed");
    client.idle().then(closed.resolve);
  });

  /** Starts a request under a new number; returns a function that cancels it. */
  function start(
    answers: Answers,
    isLasting: boolean,
    how: Record<"send" | "cancel", (id: number) => void>,
  ): () => void {
    const id = nextId();
    if (state.name === "ended") return () => {};
    requests.set(id, answers);
    if (isLasting) lasting.add(id);
    client.send(() => how.send(id));
    return () => {
      lasting.delete(id);
      if (requests.delete(id) && state.name !== "ended") client.send(() => how.cancel(id));
    };
  }

  signal.addEventListener("abort", abort, { once: true });
  api.connect();
  try {
    await ready.promise;
  } catch (error) {
    await closed.promise;
    throw error;
  }
  return {
    signal: ending.signal,
    ended: ended.promise,
    closed: closed.promise,
    ask({ listing, barSize, duration, end, keepUpToDate }, answers) {
      const { contract, whatToShow } = listing;
      // Expired futures only have history.
      const asked = contract.secType === FUTURE && !keepUpToDate ? { ...contract, includeExpired: true } : contract;
      return start(answers, keepUpToDate, {
        send: (id) => api.reqHistoricalData(id, asked, end, duration, barSize, whatToShow, 0, 2, keepUpToDate),
        cancel: (id) => api.cancelHistoricalData(id),
      });
    },
    askRealTime({ contract, whatToShow }, answers) {
      return start(answers, true, {
        // The only length that TWS supports.
        send: (id) => api.reqRealTimeBars(id, contract, 5, whatToShow, false),
        cancel: (id) => api.cancelRealTimeBars(id),
      });
    },
    end,
  };
}

/** The port that message 1300 names, in its last word. */
function readPort(text: string): number | undefined {
  const port = Number(/(\d{1,5})\D*$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

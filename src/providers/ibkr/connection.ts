/**
 * One connection to TWS or IB Gateway, from its opening to its end, through `@stoqey/ib`.
 *
 * The library speaks the protocol and leaves the rest to its user: it reports that it is connected before TWS accepts
 * requests (ready is `nextValidId`), repeats the requests of a dead connection on the next (so each gets a client of
 * its own), reports events of the whole connection through `info`, and does not notice a socket that is open at one end
 * only.
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

/** Times that a connection keeps, in milliseconds. */
export interface ConnectionTiming {
  /** Longest wait until TWS is ready. */
  openTimeoutMs: number;
  /** How often TWS is asked for its time, which it must answer within `answerMs`. */
  watchEveryMs: number;
  answerMs: number;
  /** Whether TWS resets around that time (epoch ms): a lost connection is no news then. */
  isResetTime: (at: number) => boolean;
}

/** Options of {@linkcode openConnection}. */
export interface ConnectionOptions extends ConnectionTiming {
  host: string;
  port: number;
  clientId: number;
  /** Ends the connection. */
  signal: AbortSignal;
  /** Returns a number for each request that no other on any connection has had. */
  nextId: () => number;
  /** Whether TWS has accepted this client before: then "in use" refers to its own last connection. */
  wasReady: boolean;
  /** Called with messages that name no request. */
  onInfo: (code: number, text: string) => void;
  /** Called with the port that TWS changes to, `undefined` where it does not say: the connection ends then. */
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
  /** `""` is now. */
  readonly end: string;
  /** Go on with updates after the bars that there are. */
  readonly keepUpToDate: boolean;
}

/** The answers to a request. */
export interface Answers {
  bar(bar: RawBar): void;
  /** All bars that there are have come. */
  done(): void;
  update(bar: RawBar): void;
  error(code: number, text: string): void;
}

/** A connection that is ready. */
export interface Connection {
  /** Aborts when it ends, with why. */
  readonly signal: AbortSignal;
  /** Rejects when it ends. */
  readonly ended: Promise<never>;
  /** Resolves when nothing of it is left. */
  readonly closed: Promise<void>;
  /** Asks for bars, and gives what cancels that. */
  ask(request: BarsRequest, answers: Answers): () => void;
  /** Asks for bars of five seconds as they end, each an update; gives what cancels that. TWS answers a refusal alone. */
  askRealTime(listing: Listing, answers: Answers): () => void;
  /** Ends it. */
  end(error: unknown): void;
}

/**
 * States of a connection:
 *
 * - `opening`: TWS has not said yet that it accepts requests; `timer` ends the wait.
 * - `ready`: requests are accepted.
 * - `asked`: ready, and TWS has not answered yet when it was asked for its time; `timer` ends the connection.
 * - `ended`: for the reason of the connection's signal.
 */
type State =
  | { readonly name: "opening" | "asked"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly name: "ready" | "ended" };

/** The message that is being read. */
interface Message {
  /** It cannot be read to its end: ignore what it gives. */
  isDoubtful: boolean;
  /** Its bars with fields that are no numbers, by place. */
  readonly badBars: ReadonlyMap<number, string>;
  /** How many of its bars have come. */
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

  /** The bar, without the numbers that the library took from absent values. */
  function checked(bar: RawBar): RawBar {
    const text = message.badBars.get(message.bars++);
    return text === undefined ? bar : { ...bar, open: NaN, high: NaN, low: NaN, close: NaN, text };
  }

  /** A message of the whole connection, from either of its two ways. */
  function inform(code: number, text: string): void {
    switch (code) {
      case CODE.clientIdInUse:
        // After a lost connection TWS may take a while to forget the last one.
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
    // Of a frame that pretends a negative length the library would read for ever.
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
    // One that is over with that need not be cancelled.
    if (!lasting.has(id) && classify(code, text) !== "ignore") requests.delete(id);
    if (answers !== undefined) answers.error(code, text);
    // A message about a request that is over has no listener.
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

  /** Starts a request under a number of its own, and gives what cancels it. */
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
      // Of expired futures there is history alone.
      const asked = contract.secType === FUTURE && !keepUpToDate ? { ...contract, includeExpired: true } : contract;
      return start(answers, keepUpToDate, {
        send: (id) => api.reqHistoricalData(id, asked, end, duration, barSize, whatToShow, 0, 2, keepUpToDate),
        cancel: (id) => api.cancelHistoricalData(id),
      });
    },
    askRealTime({ contract, whatToShow }, answers) {
      return start(answers, true, {
        // It knows no other length.
        send: (id) => api.reqRealTimeBars(id, contract, 5, whatToShow, false),
        cancel: (id) => api.cancelRealTimeBars(id),
      });
    },
    end,
  };
}

/** The port that message 1300 names: its last word. */
function readPort(text: string): number | undefined {
  const port = Number(/(\d{1,5})\D*$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * One stream of a symbol's bars, from its request to its end.
 *
 * A stream comes in two ways. A **historical request that is kept up to date** returns the bars of the last hours and
 * then each state of the forming bar. **Real-time bars** are bars of five seconds, from which longer ones are built.
 *
 * @module
 */
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFormingBars, type FormingBars } from "../live/forming_bar.ts";
import type { FeedClock } from "../live/clock.ts";
import type { FeedBar, Session } from "../live/feed.ts";
import { BAR_SIZES, isOver, lookBack, type RawBar, readBar, readDate } from "./bars.ts";
import { createBuilder, PART_MS } from "./builder.ts";
import { classify, type Verdict } from "./codes.ts";
import type { Answers, Connection } from "./connection.ts";
import type { Listing } from "./contract.ts";

/** The way to receive the bars of a symbol. */
export type Way = "kept-up-to-date" | "real-time";

/** Options of {@linkcode openStream}. */
export interface StreamOptions {
  connection: Connection;
  session: Session;
  timeframe: string;
  clock: FeedClock;
  /** Whether to emit forming bars, too. */
  provisional: boolean;
  /** How long after its end a bar is finished without a later one, in milliseconds. */
  closeAfterMs: number;
  /** Longest wait for an answer, in milliseconds. */
  requestTimeoutMs: number;
  /** Longest silence before the end of a bar that leaves the bar in no doubt, in milliseconds. */
  quietMs: number;
  /** How long after its request a subscription of real-time bars counts as accepted without a bar, in milliseconds. */
  acceptAfterMs: number;
}

/** The end of a stream. */
export interface Ending {
  /** The verdict of TWS, or the order to renew it. */
  readonly verdict: Verdict | "renewed";
  readonly text: string;
  /** How long it has worked, in milliseconds; 0 if TWS never accepted it. */
  readonly workedMs: number;
  /** When it ended, in milliseconds of the monotonic clock. */
  readonly at: number;
}

/** A stream. */
export interface Stream {
  /** Whether TWS has accepted it. */
  readonly isActive: boolean;
  /** Ends it, so that it is opened again. */
  renew(): void;
  /** Resolves when it has ended; rejects when its connection has. */
  readonly ended: Promise<Ending>;
}

/** Opens a stream. */
export function openStream(options: StreamOptions, listing: Listing, way: Way): Stream {
  const { connection, session, timeframe, clock } = options;
  const { symbol } = listing;
  const { promise, resolve } = Promise.withResolvers<Ending>();
  let activeSince: number | undefined;
  const isBuilt = way === "real-time";
  const timer = setTimeout(
    () => isBuilt ? accept() : end("later", "no answer"),
    isBuilt ? options.acceptAfterMs : options.requestTimeoutMs,
  );
  const formingBars = createFormingBars({
    stepMs: TIMEFRAMES.get(timeframe)!,
    // Its last part comes after its end.
    closeAfterMs: options.closeAfterMs + (isBuilt ? PART_MS : 0),
    provisional: options.provisional,
    pace: { quietMs: options.quietMs },
    emit: session.emit,
    doubt: (symbol, from, to) => session.doubt(symbol, from, to, "partial"),
  });

  function accept(): void {
    clearTimeout(timer);
    if (activeSince !== undefined) return;
    activeSince = performance.now();
    session.subscribed(symbol);
  }
  function end(verdict: Ending["verdict"], text: string): void {
    const at = performance.now();
    resolve({ verdict, text, workedMs: activeSince === undefined ? 0 : at - activeSince, at });
  }
  function read(raw: RawBar, timeframe: string): FeedBar | undefined {
    const bar = readBar(raw, listing, timeframe, clock);
    if (typeof bar !== "string") {
      if (bar !== undefined) clock.barEnded(symbol, bar.ts);
      return bar;
    }
    session.reject({ symbol, ...raw }, bar);
  }
  function error(code: number, text: string): void {
    const verdict = classify(code, text);
    // An empty look back ends the request, and its updates with it.
    if (verdict !== "ignore") end(verdict === "empty" ? "later" : verdict, `${text} (code ${code})`);
  }

  const parts = { session, symbol, timeframe, clock, formingBars, error, accept, read };
  const cancel = isBuilt ? connection.askRealTime(listing, answerWithParts(parts)) : connection.ask(
    {
      listing,
      barSize: BAR_SIZES.get(timeframe)!,
      duration: lookBack(TIMEFRAMES.get(timeframe)!),
      end: "",
      keepUpToDate: true,
    },
    answerWithStates(parts, options.closeAfterMs),
  );

  return {
    get isActive() {
      return activeSince !== undefined;
    },
    renew: () => end("renewed", ""),
    ended: Promise.race([promise, connection.ended]).finally(() => {
      clearTimeout(timer);
      formingBars.stop();
      cancel();
    }),
  };
}

/** The parts that both ways share. */
interface Parts {
  session: Session;
  symbol: string;
  timeframe: string;
  clock: FeedClock;
  formingBars: FormingBars;
  accept: () => void;
  read: (raw: RawBar, timeframe: string) => FeedBar | undefined;
  error: Answers["error"];
}

/** Handles the answers to a request that is kept up to date. */
function answerWithStates(parts: Parts, closeAfterMs: number): Answers {
  const { session, symbol, timeframe, clock, formingBars, accept, read, error } = parts;
  const initial: FeedBar[] = [];
  return {
    error,
    bar(raw) {
      const bar = read(raw, timeframe);
      if (bar !== undefined) initial.push(bar);
    },
    done() {
      accept();
      const over = initial.filter((bar) => isOver(bar, clock, closeAfterMs));
      formingBars.finished(over);
      for (const bar of initial) if (!over.includes(bar)) formingBars.update(bar);
      initial.length = 0;
    },
    update(raw) {
      const bar = read(raw, timeframe);
      // A time without trades, or an unreadable bar, does not show that data flows.
      if (bar === undefined) return;
      session.alive(symbol, bar);
      formingBars.update(bar);
    },
  };
}

/** Handles real-time bars, and builds longer bars from them. */
function answerWithParts({ session, symbol, timeframe, formingBars, accept, read, error }: Parts): Answers {
  const builder = createBuilder({
    timeframe,
    stepMs: TIMEFRAMES.get(timeframe)!,
    state: formingBars.update,
    whole: (bar) => formingBars.finished([bar]),
    partial: (from, to) => session.doubt(symbol, from, to, "partial"),
  });
  return {
    error,
    bar() {},
    done() {},
    update(raw) {
      accept();
      const ts = readDate(raw.date);
      const part = read(raw, "5s");
      if (part !== undefined) session.alive(symbol, part);
      if (ts % PART_MS === 0) builder.add(ts, part);
    },
  };
}

/**
 * Live klines: the state of the forming bar every two seconds, and its end.
 *
 * @module
 */
import type { Session } from "../live/feed.ts";
import type { Seen } from "../live/seen.ts";
import { type Kline, type KlineSeries, readKline } from "./klines.ts";

/** Handles the klines of a socket. */
export interface LiveKlines {
  /** Handles the `k` of a message; `reject` is called with its problem. */
  take(k: unknown, reject: (reason: string) => void): void;
}

/** Options of {@linkcode createLiveKlines}. */
export interface LiveOptions extends KlineSeries {
  symbols: readonly string[];
  session: Pick<Session, "emit" | "alive" | "interrupted" | "subscribed" | "quiet">;
  /** Whether to emit forming bars, too. */
  provisional: boolean;
  /** Records finished bars. */
  note: Seen;
}

interface Series {
  /** Start of the newest kline, and whether it was finished. */
  newest: number;
  isOver: boolean;
}

/** Creates a handler of klines. A finished kline is a bar; if it comes again, a correction. */
export function createLiveKlines(options: LiveOptions): LiveKlines {
  const { session, provisional } = options;
  const all = new Map<string, Series>(
    options.symbols.map((symbol) => [symbol, { newest: -Infinity, isOver: true }]),
  );

  function takeKline({ bar, isOver, isTraded }: Kline, of: Series): void {
    const { symbol, ts } = bar;
    const isLate = ts < of.newest || (ts === of.newest && of.isOver);
    // An earlier state of a finished bar adds nothing.
    if (isLate && !isOver) return;
    if (ts > of.newest && !of.isOver) {
      // The end of the bar before never came; history has it.
      session.interrupted(symbol);
      session.subscribed(symbol);
    }
    if (!isLate) Object.assign(of, { newest: ts, isOver });
    if (isTraded && isOver) session.emit([options.note(symbol, ts) ? { ...bar, status: "correction" } : bar]);
    else if (isOver && !isLate) session.quiet(symbol, ts);
    else if (isTraded && provisional) session.emit([{ ...bar, status: "provisional" }]);
  }

  return {
    take(k, reject) {
      const kline = readKline(k, options);
      if (typeof kline === "string") return reject(kline);
      const of = all.get(kline.bar.symbol);
      if (of === undefined) return reject("symbol is not subscribed");
      session.alive(kline.bar.symbol, kline.bar);
      takeKline(kline, of);
    },
  };
}

/**
 * Klines as they come: the state of the forming bar every two seconds, and its end.
 *
 * @module
 */
import type { Session } from "../live/feed.ts";
import type { Seen } from "../live/seen.ts";
import { type Kline, type KlineSeries, readKline } from "./klines.ts";

/** Takes klines of a socket. */
export interface LiveKlines {
  /** Takes the `k` of a message; `reject` is called with its problem. */
  take(k: unknown, reject: (reason: string) => void): void;
}

/** Options of {@linkcode createLiveKlines}. */
export interface LiveOptions extends KlineSeries {
  symbols: readonly string[];
  session: Pick<Session, "emit" | "alive" | "interrupted" | "subscribed" | "quiet">;
  /** Whether to give forming bars too. */
  provisional: boolean;
  /** Notes bars that are over. */
  note: Seen;
}

interface Series {
  /** Start of the newest kline that came, and whether it was over. */
  newest: number;
  isOver: boolean;
}

/** Makes what takes klines. A kline that is over is a bar; when it comes again, a correction of it. */
export function createLiveKlines(options: LiveOptions): LiveKlines {
  const { session, provisional } = options;
  const all = new Map<string, Series>(
    options.symbols.map((symbol) => [symbol, { newest: -Infinity, isOver: true }]),
  );

  function takeKline({ bar, isOver, isTraded }: Kline, of: Series): void {
    const { symbol, ts } = bar;
    const isLate = ts < of.newest || (ts === of.newest && of.isOver);
    // An earlier state of a bar that is over adds nothing.
    if (isLate && !isOver) return;
    if (ts > of.newest && !of.isOver) {
      // The end of the one before never came: history has it.
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

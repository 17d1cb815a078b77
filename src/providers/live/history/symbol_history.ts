/**
 * The interface of histories that are read symbol by symbol.
 *
 * @module
 */
import type { Interval } from "../../../records/intervals.ts";
import type { TokenBucket } from "../../../pipeline/rate.ts";
import type { FeedBar } from "../feed.ts";

/** The history of a feed, whose requests name one symbol. */
export interface SymbolHistory {
  /** Paces its requests. */
  readonly bucket: TokenBucket;
  /** Reads finished bars, from `from` on and before `to` (epoch ms), page by page. */
  read(
    symbol: string,
    from: number,
    to: number,
    signal: AbortSignal,
    onRequest?: () => void,
  ): AsyncGenerator<readonly FeedBar[]>;
  /** Ranges without a row between rows of the newest answers. */
  lacks(symbol: string): readonly Interval[];
}

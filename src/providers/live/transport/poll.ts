/**
 * Polls records that are not streamed: option chains, reports of companies.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { columnsOf } from "../../../records/build.ts";
import { createFrame, type Frame, type Rejected } from "../../../records/frame.ts";
import { recordKind } from "../../../records/mod.ts";
import { createSeriesDictionary, renewSeries } from "../../../records/series_dictionary.ts";
import type { MarketRecord } from "../../../records/record.ts";
import type { Provider, ProviderContext } from "../../provider.ts";
import { FeedError } from "../feed.ts";
import type { TokenBucket } from "../../../pipeline/rate.ts";
import type { CallOutcome } from "./rest.ts";

/** An endpoint's record of one symbol; provider and time of receipt are added here. */
export type PolledRecord<R extends MarketRecord> = Omit<R, "provider" | "receivedAt">;

/** A part of an answer. */
export interface PolledPage<R extends MarketRecord> {
  readonly records: readonly PolledRecord<R>[];
  readonly rejected: readonly Rejected[];
}

/** Options of {@linkcode createPoller}. */
export interface PollOptions<R extends MarketRecord> {
  name: string;
  /** Name of the kind of the records. */
  kind: string;
  symbols: readonly string[];
  /** Time from the beginning of a round to that of the next, in milliseconds. */
  everyMs: number;
  bucket: TokenBucket;
  /** Requests the present records of a symbol. */
  ask: (symbol: string, signal: AbortSignal, onCall: (outcome: CallOutcome) => void) => AsyncIterable<PolledPage<R>>;
}

/**
 * Creates a provider that requests one symbol after another, round after round, as fast as the bucket allows. A refused
 * symbol is named once and not requested again; any other failure is named, and the next round tries again. When all
 * symbols are refused, the provider has failed.
 */
export function createPoller<R extends MarketRecord>(options: PollOptions<R>): Provider {
  const { name, kind, everyMs, bucket, ask } = options;

  async function* poll({ stop, clock, warn, emit }: ProviderContext): AsyncGenerator<Frame> {
    let series = createSeriesDictionary();
    const pending = new Set(options.symbols);
    const onCall = (outcome: CallOutcome) => emit({ type: "rest-call", provider: name, outcome });
    while (!stop.aborted) {
      const nextAt = performance.now() + everyMs;
      for (const symbol of pending) {
        try {
          for await (const { records, rejected } of ask(symbol, stop, onCall)) {
            const receivedAt = clock(records.length + rejected.length);
            const given = records.map((each, at) =>
              ({ ...each, provider: name, receivedAt: receivedAt + at }) as MarketRecord
            );
            series = renewSeries(series);
            const built = columnsOf(recordKind(kind), given, series);
            yield createFrame({
              ...{ kind, provider: name, receivedAt, columns: built.columns },
              rejected: [...rejected, ...built.rejected],
            });
          }
        } catch (error) {
          if (stop.aborted) return;
          warn(`${kind} of ${symbol} could not be read: ${(error as Error).message}`);
          if (!(error instanceof FeedError) || error.reason !== "refused") continue;
          pending.delete(symbol);
          if (pending.size === 0) throw error;
        }
      }
      await delay(Math.max(0, nextAt - performance.now()), { signal: stop }).catch(() => {});
    }
  }

  return {
    name,
    isLive: true,
    symbols: options.symbols,
    buckets: [bucket],
    open: (context) => ReadableStream.from(poll(context)),
  };
}

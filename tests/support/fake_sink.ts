/**
 * A sink in memory that fails as a test wants it to.
 *
 * @module
 */
import type { Fault, WriteCounts } from "../../src/events.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Rows } from "../../src/records/columns.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { recordsOf } from "./frames.ts";

/** An error of a kind that the fake sink knows. */
export class SinkError extends Error {
  override name = "SinkError";
  constructor(readonly fault: Fault, message: string = fault, readonly code?: string) {
    super(message);
  }
}

/** Options of {@linkcode fakeSink}. */
export interface FakeSinkOptions {
  /** Stands in for the write: throws what hinders it. Counts as stored whatever it lets pass. */
  write?: (records: readonly Bar[], signal: AbortSignal, worker: number) => Promise<void> | void;
  maxLanes?: number;
}

/** A sink, and what has come to it. */
export interface FakeSink extends Sink {
  /** Every write that was tried, in order. */
  readonly attempts: (readonly Bar[])[];
  /** Records that were written. */
  readonly stored: Bar[];
  /** Lanes that are open. */
  readonly openLanes: number;
}

/** Makes a sink that stores everything, unless `write` throws. */
export function fakeSink(options: FakeSinkOptions = {}): FakeSink {
  const attempts: (readonly Bar[])[] = [];
  const stored: Bar[] = [];
  let opened = 0;
  let openLanes = 0;
  return {
    name: "fake",
    maxLanes: options.maxLanes ?? Infinity,
    attempts,
    stored,
    get openLanes() {
      return openLanes;
    },
    openLane() {
      const worker = opened++;
      openLanes++;
      return {
        async write(rows: Rows, signal: AbortSignal): Promise<WriteCounts> {
          const bars = recordsOf(rows);
          attempts.push(bars);
          await options.write?.(bars, signal, worker);
          stored.push(...bars);
          return { stored: bars.length, unchanged: 0, deduplicated: 0 };
        },
        async [Symbol.asyncDispose]() {
          await Promise.resolve();
          openLanes--;
        },
      };
    },
    classify: (error) => error instanceof SinkError ? error.fault : "fatal",
    isTooSlow: (error) => error instanceof SinkError && error.code === "57014",
    causeOf: (error) => (error as SinkError).code?.startsWith("23") ? (error as SinkError).code : undefined,
    check: () => Promise.resolve(),
    async [Symbol.asyncDispose]() {},
  };
}

/** A write that ends only when its signal aborts. */
export function hang(_: unknown, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

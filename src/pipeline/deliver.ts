/**
 * Delivery of batches: every record ends in the sink or among the dead letters.
 *
 * @module
 */
import type { DeadLetter } from "../dead_letters/letter.ts";
import type { DeadLetterCause, Listener, WriteCounts } from "../events.ts";
import type { Frame, Outcome } from "../records/frame.ts";
import type { RecordKind } from "../records/kind.ts";
import type { Sink, SinkLane } from "../sinks/sink.ts";
import { cutRows, type Rows, seriesOf, sliceRows } from "../records/columns.ts";
import { type Batch, type BatchPart, locateInBatch } from "./batch.ts";
import type { DeadLetterRecords } from "./dead_letter.ts";
import type { Circuit } from "./circuit.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import type { Turn } from "./order.ts";
import { exhaustedBy, retry } from "./retry.ts";
import { createWriteLimit, type WriteLimit } from "./batch_limit.ts";

/** Options of {@linkcode deliver}. */
export interface DeliverOptions {
  kind: RecordKind;
  sink: Sink;
  circuit: Circuit;
  /** Attempts of a write before the sink counts as unreachable and the batch waits behind the circuit. */
  retryAttempts: number;
  deadLetter: DeadLetterRecords;
  /** Keeps frames in the journal, if there is one. Returns whether that succeeded. */
  spool?: (frames: readonly Frame[]) => Promise<boolean>;
  /** Whether a batch may wait until an operator repairs the cause of a fatal fault. @default {() => false} */
  mayWait?: () => boolean;
  emit: Listener;
  /** Ends delivery: unwritten records stay in the journal, or go to the dead letters, at once. */
  abort: AbortSignal;
  /** Called with a fatal fault that must not wait; expected to abort. */
  onFatal: (error: unknown) => void;
  /** The monotonic clock that times writes, in milliseconds. @default {performance.now} */
  now?: () => number;
}

/**
 * A lane: a `WritableStream` whose `write()` is `retry(circuit(sink.write))`.
 *
 * A transient fault is retried. When the attempts are used up, the batch waits behind the circuit and is tried again,
 * for any time, or returns to a source that other processes share: an outage never dead-letters a record. A batch also
 * waits after a fatal fault if a journal keeps later records; without a journal such a fault ends the run. A batch that
 * the sink refuses is halved until the refused records are alone (k·log2 n writes for k of n); only they are
 * dead-lettered. A batch for which the sink is too slow is written in smaller pieces. Errors are absorbed here, as an
 * error of a sink stream would cancel its source.
 */
export function deliver(worker: number, options: DeliverOptions): WritableStream<Batch> {
  const lane = options.sink.openLane();
  const limit = createWriteLimit();
  const refusals = createRefusals();
  return new WritableStream<Batch>({
    async write(batch) {
      const delivery = createDelivery(batch, worker, { lane, limit, refusals }, options);
      await delivery.writeRange(0, batch.count);
      await delivery.finish();
    },
    close: () => lane[Symbol.asyncDispose](),
    abort: () => lane[Symbol.asyncDispose](),
  }, { highWaterMark: 1 });
}

/** State that a lane keeps from batch to batch. */
interface LaneState {
  readonly lane: SinkLane;
  readonly limit: WriteLimit;
  readonly refusals: Refusals;
}

/** The delivery of one batch to the sink. */
function createDelivery(batch: Batch, worker: number, { lane, limit, refusals }: LaneState, options: DeliverOptions) {
  const { kind, sink, circuit, emit, abort, now = () => performance.now() } = options;
  const secondsSince = (started: number) => (now() - started) / 1000;
  const told = { kind: kind.name, worker };
  const refused: { letter: DeadLetter; at: number }[] = [];
  /** Pieces that the sink has neither refused nor written. */
  const unwritten: { from: number; to: number; cause: DeadLetterCause; error: unknown }[] = [];
  const isShared = batch.slices.every(({ frame }) => frame.home?.() === "stream");
  let attempts = 0;
  let attemptedAt = 0;
  emit({
    type: "batch-taken",
    ...told,
    count: batch.count,
    frames: batch.slices.map(({ frame: { provider, receivedAt }, count }) => ({ provider, receivedAt, count })),
  });

  async function writeRange(from: number, to: number): Promise<void> {
    if (to - from > limit.most) {
      // Read for each piece, as the limit changes meanwhile.
      for (let next = from; next < to;) {
        const end = Math.min(to, next + limit.most);
        await writeRange(next, end);
        next = end;
      }
      return;
    }
    const count = to - from;
    const rows = count === batch.count ? batch : cutRows(batch, from, to);
    const started = now();
    let result: WriteCounts;
    try {
      result = await write(rows);
    } catch (error) {
      if (abort.aborted) return void unwritten.push({ from, to, cause: "aborted", error: abort.reason });
      if (isTooMuch(rows, error)) return await writeRange(from, to);
      if (waitedFor(error) !== undefined) return void unwritten.push({ from, to, cause: "aborted", error });
      if (sink.classify(error) === "fatal") {
        options.onFatal(error);
        return void unwritten.push({ from, to, cause: "fatal", error });
      }
      if (count === 1) {
        if (refusals.refused(sink.causeOf?.(error), batch.count)) return await blameTable(from, error);
        return refuse(from, to, "refused", error);
      }
      const middle = from + (count >> 1);
      await writeRange(from, middle);
      return await writeRange(middle, to);
    }
    const seconds = secondsSince(started);
    limit.written(count, seconds);
    refusals.stored(count);
    const attemptSeconds = secondsSince(attemptedAt);
    emit({ type: "batch-written", ...told, count, result, seconds, attemptSeconds });
    ack(from, to, "committed");
  }

  /**
   * Takes back the refusals of this batch: its records wait until the table is mended, or are kept if nothing can wait.
   */
  async function blameTable(at: number, cause: unknown): Promise<void> {
    const error = new Error(
      `Cannot store records of kind "${kind.name}": most of them are refused for one cause, which lies in the table and ` +
        `not in them: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
    const places = [...refused.splice(0).map(({ at }) => at), at];
    if (options.mayWait?.()) {
      refusals.reset();
      circuit.trip(error);
      for (const place of places) await writeRange(place, place + 1);
    } else {
      options.onFatal(error);
      unwritten.push(...places.map((place) => ({ from: place, to: place + 1, cause: "fatal" as const, error })));
    }
  }

  async function write(rows: Rows): Promise<WriteCounts> {
    while (true) {
      try {
        return await retry(() => circuit.call(() => attempt(rows), abort), {
          attempts: options.retryAttempts,
          isRetriable: (error) => sink.classify(error) === "transient" && !isTooMuch(rows, error),
          signal: abort,
        });
      } catch (error) {
        const waited = waitedFor(error);
        if (waited === undefined) throw error;
        circuit.trip(waited.cause);
        // Another worker may be able to write the records.
        if (isShared) throw error;
      }
    }
  }

  async function attempt(rows: Rows): Promise<WriteCounts> {
    attempts++;
    attemptedAt = now();
    try {
      return await lane.write(rows, abort);
    } catch (error) {
      if (!abort.aborted) {
        const fault = sink.classify(error);
        const attemptSeconds = secondsSince(attemptedAt);
        if (isTooMuch(rows, error)) limit.tooSlow(rows.count, attemptSeconds);
        emit({ type: "write-failed", ...told, count: rows.count, fault, error, attemptSeconds });
      }
      throw error;
    }
  }

  /** The fault of an error after which the batch waits behind the circuit; `undefined` for any other error. */
  function waitedFor(error: unknown): { readonly cause: unknown } | undefined {
    const exhausted = exhaustedBy(error);
    if (exhausted !== undefined || abort.aborted) return exhausted;
    return sink.classify(error) === "fatal" && options.mayWait?.() ? { cause: error } : undefined;
  }

  /** Whether fewer records might be written after this error. */
  function isTooMuch({ count }: Rows, error: unknown): boolean {
    return count > 1 && (sink.isTooSlow?.(error) ?? false);
  }

  function refuse(from: number, to: number, cause: DeadLetterCause, error: unknown): void {
    for (let at = from; at < to; at++) {
      const { columns, from: row } = cutRows(batch, at, at + 1).slices[0];
      const message = error instanceof Error ? error.message : String(error);
      const letter: DeadLetter = {
        cause,
        reason: cause === "refused" ? `refused by the sink: ${message}` : message,
        sqlstate: cause === "aborted" ? undefined : (error as { code?: string }).code,
        kind: kind.name,
        provider: seriesOf(columns, row).provider,
        location: locateInBatch(batch, at),
        attempts,
        item: kind.toJSON(columns, row),
      };
      refused.push({ letter, at });
    }
  }

  /** Dead-letters all refused records, with one write for all: a batch of poison costs one sync, not hundreds. */
  async function finish(): Promise<void> {
    const started = now();
    for (const { from, to, cause, error } of unwritten) {
      for (const left of await spool(from, to)) refuse(left.from, left.to, cause, error);
    }
    if (refused.length > 0 && await options.deadLetter(refused.map(({ letter }) => letter))) {
      for (const { at } of refused) ack(at, at + 1, "deadLettered");
    }
    emit({ type: "batch-done", ...told, refused: refused.length, burySeconds: secondsSince(started) });
  }

  /**
   * Leaves records in their source, or puts them into the journal; returns the ranges of the batch that neither keeps.
   */
  async function spool(from: number, to: number): Promise<{ from: number; to: number }[]> {
    const elsewhere: { part: BatchPart; from: number; to: number }[] = [];
    let at = from;
    for (const part of cutRows(batch, from, to).slices) {
      if (part.frame.home?.() !== undefined) part.frame.ack("requeued", part.count);
      else elsewhere.push({ part, from: at, to: at + part.count });
      at += part.count;
    }
    const frames = elsewhere.map(({ part: { frame, columns, from, count } }): Frame => ({
      ...frame,
      columns: sliceRows(columns, from, count),
    }));
    if (elsewhere.length === 0 || !await options.spool?.(frames)) return elsewhere;
    for (const { part } of elsewhere) part.frame.ack("journaled", part.count);
    return [];
  }

  function ack(from: number, to: number, outcome: Outcome): void {
    for (const { frame, count } of cutRows(batch, from, to).slices) {
      if (outcome === "committed") {
        const { provider, receivedAt } = frame;
        emit({ type: "committed", kind: kind.name, provider, count, receivedAt });
      }
      frame.ack(outcome, count);
    }
  }

  return { writeRange, finish };
}

/**
 * Hands the chunks of `source` to `lanes`, each chunk to a free lane. A lane takes its next chunk only when the last
 * one is done, so at most one chunk a lane is in flight. A chunk with a turn waits for it. Closes the lanes at the end.
 *
 * @throws The error of a lane; then the source is cancelled, and the other lanes finish their chunks. The error of the
 * source; then the lanes are aborted, so that they release their chunks.
 */
export async function distribute<T>(
  source: ReadableStream<T>,
  lanes: readonly WritableStream<T>[],
  turnOf: (chunk: T) => Turn | undefined = () => undefined,
): Promise<void> {
  const reader = source.getReader();
  const outcomes = await Promise.allSettled(lanes.map(async (lane) => {
    const writer = lane.getWriter();
    // The writes below report the error; without a handler here it would count as an unhandled rejection.
    writer.closed.catch(() => {});
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        using turn = turnOf(next.value);
        await turn?.ready;
        await writer.write(next.value);
      }
      await writer.close();
    } catch (error) {
      await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
      throw error;
    }
  }));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

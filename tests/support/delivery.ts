/**
 * One lane of the pipeline with everything around it in memory.
 *
 * @module
 */
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import type { Batch } from "../../src/pipeline/batch.ts";
import { createDeadLetter, type DeadLetterRecords } from "../../src/pipeline/dead_letter.ts";
import { createCircuit } from "../../src/pipeline/circuit.ts";
import { deliver } from "../../src/pipeline/deliver.ts";
import type { Frame } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { type FakeSink, fakeSink, type FakeSinkOptions } from "./fake_sink.ts";
import { type EventLog, eventLog, memoryLetters } from "./letters.ts";

/** A lane, and what can be seen of it. */
export interface TestLane extends Disposable {
  readonly sink: FakeSink;
  readonly events: EventLog;
  readonly letters: readonly DeadLetter[];
  readonly fatal: unknown[];
  readonly abort: AbortController;
  /** Writes batches, one after another. */
  write(...batches: Batch[]): Promise<void>;
  close(): Promise<void>;
}

/** Options of {@linkcode testLane}. */
export interface TestLaneOptions extends FakeSinkOptions {
  retryAttempts?: number;
  circuitFailures?: number;
  deadLetter?: DeadLetterRecords;
  /** The clock by which writes are timed, in milliseconds. It stands still unless it is given. */
  now?: () => number;
}

/** Opens a lane into a fake sink, whose circuit opens for a second. */
export function testLane(options: TestLaneOptions = {}): TestLane {
  const sink = fakeSink(options);
  const events = eventLog();
  const letters = memoryLetters(events.emit);
  const fatal: unknown[] = [];
  const abort = new AbortController();
  const circuit = createCircuit({
    failures: options.circuitFailures ?? 3,
    cooldownMs: () => 1000,
    isFailure: (error) => sink.classify(error) === "transient",
    onChange: (state, failures, error) => events.emit({ type: "circuit", kind: "bar", state, failures, error }),
  });
  const writer = deliver(0, {
    kind: recordKind("bar"),
    sink,
    circuit,
    retryAttempts: options.retryAttempts ?? 4,
    deadLetter: options.deadLetter ?? createDeadLetter(letters, () => {}),
    emit: events.emit,
    now: options.now ?? (() => 0),
    abort: abort.signal,
    onFatal(error) {
      fatal.push(error);
      abort.abort(error);
    },
  }).getWriter();
  return {
    sink,
    events,
    letters: letters.kept,
    fatal,
    abort,
    write: async (...batches) => void await Promise.all(batches.map((batch) => writer.write(batch))),
    close: () => writer.close(),
    [Symbol.dispose]: () => circuit[Symbol.dispose](),
  };
}

/** A batch of whole frames. */
export function batchOf(...frames: Frame[]): Batch {
  return {
    slices: frames.map((frame) => ({ frame, columns: frame.columns, from: 0, count: frame.columns.count })),
    count: frames.reduce((sum, { columns }) => sum + columns.count, 0),
  };
}

/**
 * The whole flow with everything around it in memory.
 *
 * @module
 */
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import type { Listener } from "../../src/events.ts";
import { type Batcher, createBatcher } from "../../src/pipeline/batch.ts";
import { createDeadLetter } from "../../src/pipeline/dead_letter.ts";
import { createCircuit } from "../../src/pipeline/circuit.ts";
import { createLateness } from "../../src/pipeline/late.ts";
import { createLedger, imbalance, type Ledger } from "../../src/pipeline/ledger.ts";
import { run, type Source } from "../../src/pipeline/run.ts";
import type { Frame } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { createReceiveClock } from "../../src/records/record.ts";
import { type FakeSink, fakeSink, type FakeSinkOptions } from "./fake_sink.ts";
import { type EventLog, eventLog, memoryLetters } from "./letters.ts";

/** A flow, and what can be seen of it. */
export interface TestFlow extends Disposable {
  readonly sink: FakeSink;
  readonly events: EventLog;
  readonly letters: readonly DeadLetter[];
  readonly batcher: Batcher;
  readonly abort: AbortController;
  /** How often it was told that the limit is reached. */
  readonly limits: number;
  readonly ledger: () => Ledger;
  /** Records that the ledger cannot account for. */
  readonly imbalance: () => number;
  /** Runs these sources, named by their place, until they end. */
  run(...sources: ReadableStream<Frame>[]): Promise<void>;
}

/** Options of {@linkcode testFlow}. */
export interface TestFlowOptions extends FakeSinkOptions {
  limit?: number;
  capacity?: number;
  maxRecords?: number;
  workers?: number;
  /** Age at which history is late, in milliseconds; nothing is where it is not given. */
  lateAfterMs?: number;
}

/** Sets up a flow of bars into a fake sink, with two lanes. */
export function testFlow(options: TestFlowOptions = {}): TestFlow {
  const { limit = Infinity, capacity = 100, maxRecords = 20, workers = 2 } = options;
  const sink = fakeSink(options);
  const events = eventLog();
  const ledger = createLedger();
  const emit: Listener = (event) => {
    ledger.listen(event);
    events.emit(event);
  };
  const letters = memoryLetters(emit);
  const deadLetter = createDeadLetter(letters, () => {});
  const abort = new AbortController();
  const kind = recordKind("bar");
  const circuit = createCircuit({
    failures: 3,
    cooldownMs: () => 1000,
    isFailure: (error) => sink.classify(error) === "transient",
  });
  const batcher = createBatcher({ kind: kind.name, capacity, maxRecords, lingerMs: 1, emit });
  const late = options.lateAfterMs === undefined ? undefined : {
    batcher: createBatcher({ kind: kind.name, capacity, maxRecords, lingerMs: 1, emit: () => {} }),
    lateness: createLateness({ afterMs: options.lateAfterMs, kind: recordKind }),
  };
  let limits = 0;
  return {
    sink,
    events,
    letters: letters.kept,
    batcher,
    abort,
    get limits() {
      return limits;
    },
    ledger: ledger.read,
    imbalance: () => imbalance(ledger.read()),
    run: (...sources) =>
      run({
        sources: sources.map((stream, at): Source => ({ name: String(at), streams: [stream] })),
        coordinators: new Map([[kind.name, {
          batcher,
          workers,
          late,
          delivery: {
            kind,
            sink,
            circuit,
            retryAttempts: 3,
            deadLetter,
            emit,
            abort: abort.signal,
            onFatal: (error) => abort.abort(error),
          },
        }]]),
        kind: recordKind,
        capacity,
        ledger,
        deadLetter,
        clock: createReceiveClock(),
        emit,
        limit,
        onLimit: () => void limits++,
        abort: abort.signal,
      }),
    [Symbol.dispose]: () => circuit[Symbol.dispose](),
  };
}

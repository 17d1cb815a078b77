/**
 * The journal as a stage of the pipeline, over a log on disk, with everything around it in memory.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { JournalLog, LogOptions } from "../../src/journal/log.ts";
import type { Listener } from "../../src/events.ts";
import { createJournal, type Journal, type JournalOptions } from "../../src/pipeline/journal.ts";
import { createLedger, imbalance, type Ledger } from "../../src/pipeline/ledger.ts";
import { type FinalOutcome, type Frame, frameSize } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { makeBars, makeFrame, recordsOf } from "./frames.ts";
import { type JournalDirectory, journalDirectory } from "./journal.ts";
import { type EventLog, eventLog } from "./letters.ts";

/** A stage, and what can be seen of it. */
export interface TestStage extends AsyncDisposable {
  readonly directory: JournalDirectory;
  readonly log: JournalLog;
  readonly journal: Journal;
  readonly events: EventLog;
  readonly abort: AbortController;
  /** How many frames of the source are settled. */
  readonly settled: number;
  /** Last outcomes of the frames of the source that have one. */
  readonly ended: readonly FinalOutcome[];
  /** The ledger, which must balance. */
  ledger(): Ledger;
  /** Opens or closes the circuit. */
  circuit(state: "open" | "closed"): void;
  /** Gives a frame of `count` bars, numbered on; resolves when the next can be given. */
  give(count: number): Promise<void>;
  /** Says that no more frames come. */
  end(): Promise<void>;
  /** The next frame that comes out; `undefined` at the end. */
  take(): Promise<Frame | undefined>;
  /** Takes and settles frames until `count` records have come, or the end; gives their numbers. */
  drain(count?: number): Promise<number[]>;
}

/** Numbers of a frame's bars, from 0, as {@linkcode TestStage.give} has counted them. */
export function numbersOf(frame: Frame): number[] {
  return recordsOf(frame).map(({ receivedAt }) => receivedAt - makeBars(1)[0].receivedAt);
}

/** Makes a stage: `overflow`, for sources that cannot wait, with a capacity of 100 records, unless said otherwise. */
export async function testStage(
  options: Partial<JournalOptions> & { disk?: Partial<LogOptions>; directory?: JournalDirectory } = {},
): Promise<TestStage> {
  await using opened = new AsyncDisposableStack();
  const directory = options.directory ?? opened.use(await journalDirectory());
  const log = opened.use(await directory.open(options.disk));
  const ledger = createLedger();
  const events = eventLog();
  const emit: Listener = (event) => {
    ledger.listen(event);
    events.emit(event);
  };
  const abort = new AbortController();
  if (log.status.unreadRecords > 0) emit({ type: "recovered", count: log.status.unreadRecords });
  const journal = createJournal({
    log,
    mode: "overflow",
    syncMs: 0,
    calmMs: 0,
    full: "block",
    capacity: 100,
    sourcesCanWait: false,
    kind: recordKind,
    ledger,
    emit,
    abort: abort.signal,
    onStuck: () => {},
    ...options,
  });
  const writer = journal.stream.writable.getWriter();
  // Told by what is awaited; unobserved here they would count as unhandled.
  for (const promise of [writer.closed, writer.ready]) promise.catch(() => {});
  const reader = journal.stream.readable.getReader();
  let given = 0;
  let settled = 0;
  const ended: FinalOutcome[] = [];
  async function take(): Promise<Frame | undefined> {
    return (await reader.read()).value;
  }
  const closing = opened.move();
  return {
    directory,
    log,
    journal,
    events,
    abort,
    get settled() {
      return settled;
    },
    ended,
    ledger() {
      const counts = ledger.read();
      // What was settled here was stored.
      const { received, journaled, inFlight, dropped = 0 } = counts;
      assertEquals(imbalance({ ...counts, stored: received - journaled - inFlight - dropped }), 0);
      return counts;
    },
    circuit: (state) => journal.listen({ type: "circuit", kind: "bar", state, failures: 0 }),
    async give(count) {
      const frame = makeFrame(makeBars(count, given), {
        onSettled: () => settled++,
        onEnded: (outcome) => ended.push(outcome),
      });
      given += count;
      await writer.write(frame);
    },
    end: () => writer.close(),
    take,
    async drain(count = Infinity) {
      const numbers: number[] = [];
      while (numbers.length < count) {
        const frame = await take();
        if (frame === undefined) break;
        numbers.push(...numbersOf(frame));
        frame.ack("committed", frameSize(frame));
      }
      return numbers;
    },
    async [Symbol.asyncDispose]() {
      abort.abort(new Error("the test is over"));
      await Promise.allSettled([writer.abort(), reader.cancel()]);
      await closing.disposeAsync();
    },
  };
}

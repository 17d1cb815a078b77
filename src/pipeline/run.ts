/**
 * The flow, on one screen: sources → split by kind, and for each kind: merge → accept, or journal → validate → route →
 * (batch → lanes → sink). Nothing waits before the kinds are split, so that none waits for another.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import type { Listener } from "../events.ts";
import type { Frame } from "../records/frame.ts";
import type { RecordKind } from "../records/kind.ts";
import type { ReceiveClock } from "../records/record.ts";
import { accept } from "./accept.ts";
import type { Batch, Batcher } from "./batch.ts";
import type { DeadLetterRecords } from "./dead_letter.ts";
import { deliver, type DeliverOptions, distribute } from "./deliver.ts";
import type { Journal } from "./journal.ts";
import type { LedgerKeeper } from "./ledger.ts";
import type { Lateness } from "./late.ts";
import { createLimit } from "./record_limit.ts";
import { createMerge, type Merge, merge } from "./merge.ts";
import type { Order, Turn } from "./order.ts";
import { splitByKind } from "./split.ts";
import { validate } from "./validate.ts";

/** The queue and lanes of one kind of records. */
export interface Coordinator {
  readonly batcher: Batcher;
  readonly workers: number;
  readonly delivery: DeliverOptions;
  /** Orders batches that may have keys in common; absent if the sink does that. */
  readonly order?: Order;
  /** The queue of late records, which has one lane, and the rule for lateness; absent without late records. */
  readonly late?: { readonly batcher: Batcher; readonly lateness: Lateness };
}

/** A source of frames, with its name. */
export interface Source {
  readonly name: string;
  /** One stream, or several for different kinds, each at its own pace. */
  readonly streams: readonly ReadableStream<Frame>[];
}

/** The input of a running flow. */
export interface Intake {
  /** Adds a source, through the journal or past it. */
  add(source: Source, isJournaled: boolean): void;
  /** Ends adding: the flow ends with its sources. */
  seal(): void;
}

/** The parts of the flow. */
export interface Pipeline {
  readonly sources: readonly Source[];
  /** The journal of each kind that has one, and the sources whose frames pass it. */
  readonly journaled?: { readonly journals: ReadonlyMap<string, Journal>; readonly sources: readonly Source[] };
  /** Called with the input; without it, the flow ends with the given sources. */
  readonly onIntake?: (intake: Intake) => void;
  readonly coordinators: ReadonlyMap<string, Coordinator>;
  readonly kind: (name: string) => RecordKind;
  readonly ledger: LedgerKeeper;
  readonly deadLetter: DeadLetterRecords;
  /** Gives receive times. */
  readonly clock: ReceiveClock;
  readonly emit: Listener;
  /** Called with each frame of sound records on its way to the queue; must not wait. */
  readonly watch?: (frame: Frame) => void;
  /** Most records to accept. */
  readonly limit: number;
  /** Called when the limit is reached. */
  readonly onLimit: () => void;
  /** Records of a kind that a source of several kinds may hold in memory while that kind is stuck. */
  readonly capacity: number;
  /** Cancels the sources, ended or not. */
  readonly abort: AbortSignal;
}

/** Runs the flow until the sources have ended and every record is settled. */
export async function run(pipeline: Pipeline): Promise<void> {
  const { coordinators, journaled, onIntake } = pipeline;

  const deliveries = [...coordinators.values()].flatMap(({ batcher, workers, delivery, order, late }) => {
    const lanes = Array.from({ length: workers }, (_, worker) => deliver(worker, delivery));
    const all = [distribute(batcher.stream.readable, lanes, (batch) => takeTurn(batch, batcher, order))];
    if (late !== undefined) all.push(distribute(late.batcher.stream.readable, [deliver(workers, delivery)]));
    return all;
  });

  const failing = new AbortController();
  const failed = (_: string, error: unknown) => failing.abort(error);
  const queues = openQueues(pipeline);
  const lines = Array.from(coordinators.keys(), (kind) => {
    const journal = journaled?.journals.get(kind);
    const direct = createMerge<Frame>({ failed });
    const kept = createMerge<Frame>({ failed });
    const accepted = [{ name: "sources", stream: direct.stream.pipeThrough(accept(pipeline)) }];
    if (journal !== undefined) accepted.push({ name: "journal", stream: kept.stream.pipeThrough(journal.stream) });
    const flow = (accepted.length === 1 ? accepted[0].stream : merge(accepted, { failed }))
      .pipeThrough(validate(pipeline))
      .pipeTo(new WritableStream({ write: queues.enter }), { signal: failing.signal });
    flow.catch((error) => failing.abort(error));
    return { kind, flow, direct, kept: journal === undefined ? direct : kept };
  });
  using _failing = onAbort(failing.signal, queues.abort);

  const intake = createIntake(pipeline, lines);
  for (const source of pipeline.sources) intake.add(source, false);
  for (const source of journaled?.sources ?? []) intake.add(source, true);
  if (onIntake === undefined) intake.seal();
  else onIntake(intake);

  const flows = await Promise.allSettled(lines.map(({ flow }) => flow));
  await queues.close();
  for (const outcome of [...flows, ...await Promise.allSettled(deliveries)]) {
    if (outcome.status === "rejected") throw failing.signal.aborted ? failing.signal.reason : outcome.reason;
  }
}

/** A batch's turn; without an order it begins at once. */
function takeTurn(batch: Batch, batcher: Batcher, order: Order | undefined): Turn {
  const writing = batcher.write();
  const turn = order?.enter(batch);
  return {
    ready: turn?.ready ?? Promise.resolve(),
    [Symbol.dispose]() {
      turn?.[Symbol.dispose]();
      writing[Symbol.dispose]();
    },
  };
}

/** The path of one kind from the sources to its queue. */
interface Line {
  readonly kind: string;
  readonly direct: Merge<Frame>;
  /** Frames that pass the journal. */
  readonly kept: Merge<Frame>;
}

/** Splits each added source, and joins its frames of a kind to the kind's line. */
function createIntake({ limit, onLimit, capacity, abort, emit }: Pipeline, lines: readonly Line[]): Intake {
  const reached = new AbortController();
  const limited = createLimit(limit, () => {
    reached.abort(new Error("the limit is reached"));
    onLimit();
  });
  const kinds = lines.map(({ kind }) => kind);
  return {
    add({ name, streams }, isJournaled) {
      let running = streams.length;
      let isFailed = false;
      const end = () => {
        if (--running === 0 && !isFailed) emit({ type: "provider-ended", provider: name });
      };
      const fail = (error: unknown) => {
        running--;
        if (!isFailed) emit({ type: "provider-failed", provider: name, error });
        isFailed = true;
      };
      for (const stream of streams) {
        const parts = splitByKind(limited(stream), {
          kinds,
          capacity,
          abort: AbortSignal.any([abort, reached.signal]),
          onEnd: end,
          onFailure: fail,
        });
        for (const { kind, direct, kept } of lines) {
          (isJournaled ? kept : direct).add({ name, stream: parts.get(kind)! });
        }
      }
    },
    seal() {
      for (const { direct, kept } of lines) [direct, kept].forEach((merged) => merged.seal());
    },
  };
}

/** The queues of all kinds, filled by the lines. */
interface Queues {
  /**
   * Puts a frame into the queue of its kind, and late records into that of late ones; waits while the former is full.
   */
  enter(frame: Frame): Promise<void>;
  close(): Promise<void>;
  abort(): void;
}

function openQueues({ coordinators, watch }: Pipeline): Queues {
  const queues = new Map(
    Array.from(coordinators, ([kind, { batcher, late }]) => [kind, {
      live: batcher.stream.writable.getWriter(),
      late: late?.batcher.stream.writable.getWriter(),
      split: late?.lateness.split,
    }]),
  );
  const all = [...queues.values()].flatMap(({ live, late }) => late === undefined ? [live] : [live, late]);
  // Not awaited: a write ends when its frame is batched, and waiting for that would make the queue one frame long.
  const write = (queue: WritableStreamDefaultWriter<Frame>, frame: Frame) => void queue.write(frame).catch(() => {});
  return {
    async enter(frame) {
      // An older program may have left a frame of another kind in the journal.
      const queue = queues.get(frame.kind);
      if (queue === undefined) throw new RangeError(`Cannot route a frame of kind "${frame.kind}": no queue takes it`);
      watch?.(frame);
      const { live, late } = queue.split?.(frame) ?? { live: frame };
      // Without waiting, so that live records do not wait for it: the credit of each source bounds its late records.
      if (late !== undefined) write(queue.late!, late);
      if (live === undefined) return;
      await queue.live.ready;
      write(queue.live, live);
    },
    // The deliveries report failures.
    close: async () => void await Promise.allSettled(all.map((queue) => queue.close())),
    abort: () => all.forEach((queue) => queue.abort().catch(() => {})),
  };
}

/**
 * The flow, on one screen: providers → merge → accept, or journal → validate → route → (batch → lanes → sink) for each kind.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import type { Frame } from "../records/frame.ts";
import type { MarketRecord, RecordKind } from "../records/record.ts";
import { accept } from "./accept.ts";
import type { Batcher } from "./batch.ts";
import type { Bury } from "./bury.ts";
import { deliver, type DeliverOptions } from "./deliver.ts";
import { spread } from "./lanes.ts";
import type { Journal } from "./journal.ts";
import type { LedgerKeeper } from "./ledger.ts";
import type { Lateness } from "./late.ts";
import { createLimit } from "./limit.ts";
import { createMerge, merge, type NamedStream } from "./merge.ts";
import { validate } from "./validate.ts";

/** The queue and lanes of one kind of records. */
export interface Coordinator {
  readonly batcher: Batcher;
  readonly workers: number;
  readonly delivery: DeliverOptions;
  /** The queue of late records, which has one lane, and what is late; absent where nothing is. */
  readonly late?: { readonly batcher: Batcher; readonly lateness: Lateness };
}

/** The way into a flow that runs. */
export interface Intake {
  /** Adds a source; where there is a journal, to those whose frames go through it or to the others. */
  add(source: NamedStream<Frame>, isJournaled: boolean): void;
  /** Says that no more will be added: the flow ends with its sources. */
  seal(): void;
}

/** What the flow is made of. */
export interface Pipeline {
  readonly sources: readonly NamedStream<Frame>[];
  /** The journal, and the sources whose frames go through it. */
  readonly journaled?: { readonly journal: Journal; readonly sources: readonly NamedStream<Frame>[] };
  /** Given the way in; without it, the flow ends with the sources that there are. */
  readonly onIntake?: (intake: Intake) => void;
  readonly coordinators: ReadonlyMap<string, Coordinator>;
  readonly kind: (name: string) => RecordKind<MarketRecord>;
  readonly ledger: LedgerKeeper;
  readonly bury: Bury;
  readonly tell: Listener;
  /** Sees each frame of sound records on its way to the queue; must not wait. */
  readonly watch?: (frame: Frame) => void;
  /** Most records to accept. */
  readonly limit: number;
  /** Called when the limit is reached. */
  readonly onLimit: () => void;
  /** Cancels the sources, whether they have ended or not. */
  readonly abort: AbortSignal;
}

/** Runs the flow until the sources have ended and every record is settled. */
export async function run(pipeline: Pipeline): Promise<void> {
  const { coordinators, journaled, onIntake, tell } = pipeline;

  const deliveries = [...coordinators.values()].flatMap(({ batcher, workers, delivery, late }) => {
    const lanes = Array.from({ length: workers }, (_, worker) => deliver(worker, delivery));
    const all = [spread(batcher.stream.readable, lanes)];
    if (late !== undefined) all.push(spread(late.batcher.stream.readable, [deliver(workers, delivery)]));
    return all;
  });

  const limit = createLimit(pipeline.limit, pipeline.onLimit);
  const receive = (sources: readonly NamedStream<Frame>[] = []) => {
    const merged = createMerge<Frame>({
      ended: (provider) => tell({ type: "provider-ended", provider }),
      failed: (provider, error) => tell({ type: "provider-failed", provider, error }),
    }, pipeline.abort);
    for (const source of sources) merged.add(source);
    if (onIntake === undefined) merged.seal();
    return merged;
  };
  const direct = receive(pipeline.sources);
  const kept = receive(journaled?.sources);
  const accepted: NamedStream<Frame>[] = [];
  if (pipeline.sources.length > 0 || journaled === undefined || onIntake !== undefined) {
    accepted.push({ name: "sources", stream: limit(direct.stream).pipeThrough(accept(pipeline)) });
  }
  if (journaled !== undefined) {
    accepted.push({ name: "journal", stream: limit(kept.stream).pipeThrough(journaled.journal.stream) });
  }
  onIntake?.({
    add: (source, isJournaled) => (isJournaled ? kept : direct).add(source),
    seal() {
      direct.seal();
      kept.seal();
    },
  });

  const failures: unknown[] = [];
  const flow =
    (accepted.length === 1 ? accepted[0].stream : merge(accepted, { failed: (_, error) => failures.push(error) }))
      .pipeThrough(validate(pipeline))
      .pipeTo(route(pipeline));

  const outcomes = await Promise.allSettled([flow, ...deliveries]);
  for (const outcome of outcomes) if (outcome.status === "rejected") failures.push(outcome.reason);
  if (failures.length > 0) throw failures[0];
}

/** Sends each frame to the queue of its kind, late records to that of late ones, and waits where that is full. */
function route({ coordinators, watch }: Pipeline): WritableStream<Frame> {
  const queues = new Map(
    Array.from(coordinators, ([kind, { batcher, late }]) => [kind, {
      live: batcher.stream.writable.getWriter(),
      late: late?.batcher.stream.writable.getWriter(),
      split: late?.lateness.split,
    }]),
  );
  async function enter(queue: WritableStreamDefaultWriter<Frame>, frame: Frame): Promise<void> {
    await queue.ready;
    // Not awaited: a write ends when its frame is batched, and waiting for that would make the queue one frame long.
    queue.write(frame).catch(() => {});
  }
  const all = (end: (queue: WritableStreamDefaultWriter<Frame>) => Promise<void>) => async () => {
    await Promise.all(
      [...queues.values()].flatMap(({ live, late }) => late === undefined ? [live] : [live, late]).map(end),
    );
  };
  return new WritableStream<Frame>({
    async write(frame) {
      const queue = queues.get(frame.kind);
      if (queue === undefined) throw new RangeError(`Cannot route a frame of kind "${frame.kind}": no queue takes it`);
      watch?.(frame);
      const { live, late } = queue.split?.(frame) ?? { live: frame };
      if (live !== undefined) await enter(queue.live, live);
      if (late !== undefined) await enter(queue.late!, late);
    },
    close: all((queue) => queue.close()),
    abort: all((queue) => queue.abort()),
  });
}

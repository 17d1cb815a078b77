/**
 * The flow, on one screen: providers → merge → accept → validate → route → (batch → lanes → sink) for each kind.
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
import type { LedgerKeeper } from "./ledger.ts";
import { merge, type NamedStream } from "./merge.ts";
import { validate } from "./validate.ts";

/** The queue and lanes of one kind of records. */
export interface Coordinator {
  readonly batcher: Batcher;
  readonly workers: number;
  readonly delivery: DeliverOptions;
}

/** What the flow is made of. */
export interface Pipeline {
  readonly sources: readonly NamedStream<Frame>[];
  readonly coordinators: ReadonlyMap<string, Coordinator>;
  readonly kind: (name: string) => RecordKind<MarketRecord>;
  readonly ledger: LedgerKeeper;
  readonly bury: Bury;
  readonly tell: Listener;
  /** Most records to accept. */
  readonly limit: number;
  /** Called when the limit is reached. */
  readonly onLimit: () => void;
  /** Cancels the sources, whether they have ended or not. */
  readonly abort: AbortSignal;
}

/** Runs the flow until the sources have ended and every record is settled. */
export async function run(pipeline: Pipeline): Promise<void> {
  const { coordinators, tell } = pipeline;

  const deliveries = [...coordinators.values()].map(({ batcher, workers, delivery }) => {
    const lanes = Array.from({ length: workers }, (_, worker) => deliver(worker, delivery));
    return spread(batcher.stream.readable, lanes);
  });

  const flow = merge(pipeline.sources, {
    ended: (provider) => tell({ type: "provider-ended", provider }),
    failed: (provider, error) => tell({ type: "provider-failed", provider, error }),
  }, pipeline.abort)
    .pipeThrough(accept(pipeline))
    .pipeThrough(validate(pipeline))
    .pipeTo(route(coordinators));

  const outcomes = await Promise.allSettled([flow, ...deliveries]);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Sends each frame to the queue of its kind, and waits where that is full. */
function route(coordinators: ReadonlyMap<string, Coordinator>): WritableStream<Frame> {
  const queues = new Map(
    Array.from(coordinators, ([kind, { batcher }]) => [kind, batcher.stream.writable.getWriter()]),
  );
  const all = (end: (queue: WritableStreamDefaultWriter<Frame>) => Promise<void>) => async () => {
    await Promise.all(Array.from(queues.values(), end));
  };
  return new WritableStream<Frame>({
    async write(frame) {
      const queue = queues.get(frame.kind);
      if (queue === undefined) throw new RangeError(`Cannot route a frame of kind "${frame.kind}": no queue takes it`);
      await queue.ready;
      // Not awaited: a write ends when its frame is batched, and waiting for that would make the queue one frame long.
      queue.write(frame).catch(() => {});
    },
    close: all((queue) => queue.close()),
    abort: all((queue) => queue.abort()),
  });
}

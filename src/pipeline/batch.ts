/**
 * The bounded queue, and its batches.
 *
 * @module
 */
import type { Listener, Watermark } from "../events.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import { cutRows, type Rows, type Slice } from "../records/columns.ts";
import { locate } from "./validate.ts";

/** Part of a frame in a batch: `count` records from `from` on. */
export interface BatchPart extends Slice {
  readonly frame: Frame;
}

/** Records to be written together, with their frames. */
export interface Batch extends Rows {
  readonly slices: readonly BatchPart[];
}

/** Options of {@linkcode createBatcher}. */
export interface BatchOptions {
  /** Records that the queue holds before its source has to wait. */
  capacity: number;
  /** Most records of a batch. */
  maxRecords: number;
  /** How long a batch that is not full waits for more while another one is written, in milliseconds. */
  lingerMs: number;
  kind: string;
  emit: Listener;
}

/** Fill of the queue at which it is `high`, and at which it is `low` again. */
const HIGH = 0.8;
const LOW = 0.5;

/** A batcher, and the number of records waiting in it. */
export interface Batcher {
  readonly stream: TransformStream<Frame, Batch>;
  readonly depth: number;
  /** Whether the last batch has been handed over. */
  readonly isClosed: boolean;
  /** Reports that a batch is being written, until disposed of. */
  write(): Disposable;
}

/**
 * Creates the queue: a `TransformStream` from frames to batches whose writable side counts records, so that its
 * `highWaterMark` is the capacity and its backpressure reaches the source.
 *
 * Batches form by demand. The readable side holds nothing (`highWaterMark` 0), so `transform` is called only while a
 * lane waits for a batch; records that queued up meanwhile are then gathered at once, up to `maxRecords`. Hence batches
 * are small and quick while lanes are idle, and full under load. A batch that is not full waits for more only while
 * another is written: with idle lanes, waiting gains nothing. Only a rest that did not fit into a full batch may be
 * handed over without a lane waiting, one partial batch at most.
 */
export function createBatcher(options: BatchOptions): Batcher {
  const { capacity, maxRecords, lingerMs, kind, emit } = options;
  let depth = 0;
  let level: Watermark = "low";
  /** The batch that is being gathered. */
  let gathered: { slices: BatchPart[]; count: number } = { slices: [], count: 0 };
  let linger: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  /** Batches that are being written. */
  let writing = 0;

  function moveDepth(by: number): void {
    depth += by;
    if (level === "low" && depth >= capacity * HIGH) level = "high";
    else if (level === "high" && depth <= capacity * LOW) level = "low";
    else return;
    emit({ type: "watermark", kind, level, depth, capacity });
  }

  function flush(controller: TransformStreamDefaultController<Batch>): void {
    clearTimeout(linger);
    linger = undefined;
    if (gathered.count === 0) return;
    const batch = gathered;
    gathered = { slices: [], count: 0 };
    controller.enqueue(batch);
    moveDepth(-batch.count);
  }

  const stream = new TransformStream<Frame, Batch>({
    transform(frame, controller) {
      const { columns } = frame;
      for (let from = 0; from < columns.count;) {
        const count = Math.min(columns.count - from, maxRecords - gathered.count);
        gathered.slices.push({ frame, columns, from, count });
        from += count;
        gathered.count += count;
        if (gathered.count === maxRecords) flush(controller);
      }
      if (gathered.count === 0) return;
      // Nothing waits behind it, and no write is in flight that it could wait for.
      if (writing === 0 && depth <= gathered.count) flush(controller);
      else linger ??= setTimeout(() => flush(controller), lingerMs);
    },
    flush(controller) {
      flush(controller);
      isClosed = true;
    },
    cancel() {
      clearTimeout(linger);
      isClosed = true;
    },
  }, {
    highWaterMark: capacity,
    // Called once for each frame, as it enters the queue: the one place that sees the queue grow.
    size(frame) {
      const size = frameSize(frame);
      moveDepth(size);
      return size;
    },
  }, { highWaterMark: 0 });

  return {
    stream,
    get depth() {
      return depth;
    },
    get isClosed() {
      return isClosed;
    },
    write() {
      writing++;
      return { [Symbol.dispose]: () => void writing-- };
    },
  };
}

/** `file:line` of the batch's record at `at`, as far as known. */
export function locateInBatch({ slices }: Batch, at: number): string | undefined {
  const [slice] = cutRows({ slices }, at, at + 1).slices;
  return slice && locate(slice.frame.source, slice.columns.lines?.[slice.from]);
}

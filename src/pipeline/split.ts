/**
 * Splits a source of several kinds of records into one stream for each kind, so that a kind whose table is stuck blocks
 * no other.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { type Frame, frameSize } from "../records/frame.ts";

/** Options of {@linkcode splitByKind}. */
export interface SplitOptions {
  /** Names of the kinds that the source may deliver. */
  kinds: Iterable<string>;
  /**
   * Records of a kind that wait in memory while their reader is busy. Beyond that the source is not read, since it
   * cannot hold back one kind alone.
   */
  capacity: number;
  /** Cancels the source; frames already read are still handed on. */
  abort: AbortSignal;
  /** Called when the source has ended. */
  onEnd: () => void;
  /** Called when the source has failed; its streams end. */
  onFailure: (error: unknown) => void;
}

/** The stream of one kind. */
interface Part {
  readonly waiting: Frame[];
  records: number;
  /** Whether the reader of the stream waits for a frame. */
  isAsked: boolean;
  isCancelled: boolean;
  controller: ReadableStreamDefaultController<Frame>;
}

/**
 * Splits a source. It is read by demand: while a stream is asked for a frame and no kind has `capacity` records
 * waiting. A frame of any other kind errors all streams.
 */
export function splitByKind(source: ReadableStream<Frame>, options: SplitOptions): Map<string, ReadableStream<Frame>> {
  const reader = source.getReader();
  const parts = new Map<string, Part>();
  let state: "idle" | "reading" | "over" = "idle";

  const streams = new Map(Array.from(options.kinds, (kind) => {
    const part = { waiting: [], records: 0, isAsked: false, isCancelled: false } as unknown as Part;
    parts.set(kind, part);
    const stream = new ReadableStream<Frame>({
      start: (controller) => void (part.controller = controller),
      pull() {
        part.isAsked = true;
        handOver(part);
        read();
      },
      cancel(reason) {
        part.isCancelled = true;
        part.waiting.length = part.records = 0;
        if ([...parts.values()].every(({ isCancelled }) => isCancelled)) return reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
    return [kind, stream] as const;
  }));

  function isToBeRead(): boolean {
    const all = [...parts.values()];
    return all.some(({ isAsked, waiting }) => isAsked && waiting.length === 0) &&
      all.every(({ records }) => records < options.capacity);
  }

  async function read(): Promise<void> {
    if (state !== "idle") return;
    state = "reading";
    try {
      while (isToBeRead()) {
        const { done, value } = await reader.read();
        if (done) return end(options.onEnd);
        const part = parts.get(value.kind);
        if (part === undefined) return refuse(value);
        if (part.isCancelled) continue;
        part.waiting.push(value);
        part.records += frameSize(value);
        handOver(part);
      }
    } catch (error) {
      return end(() => options.onFailure(error));
    }
    state = "idle";
  }

  /** Gives a stream its next frame on demand; closes it after the last. */
  function handOver(part: Part): void {
    if (part.isCancelled || !part.isAsked) return;
    const frame = part.waiting.shift();
    if (frame !== undefined) {
      part.isAsked = false;
      part.records -= frameSize(frame);
      part.controller.enqueue(frame);
    } else if (state === "over") {
      part.isAsked = false;
      part.controller.close();
    }
  }

  function end(emit: () => void): void {
    state = "over";
    emit();
    for (const part of parts.values()) handOver(part);
  }

  function refuse({ kind }: Frame): void {
    state = "over";
    const error = new RangeError(`Cannot route a frame of kind "${kind}": no queue takes it`);
    for (const { controller, isCancelled } of parts.values()) if (!isCancelled) controller.error(error);
    reader.cancel(error).catch(() => {});
  }

  onAbort(options.abort, (reason) => void reader.cancel(reason).catch(() => {}));
  return streams;
}

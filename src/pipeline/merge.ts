/**
 * Merges several streams into one, fairly and by demand.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { createCondition } from "../condition.ts";

/** A stream to merge, with its name. */
export interface NamedStream<T> {
  readonly name: string;
  readonly stream: ReadableStream<T>;
}

/** Events of the streams of {@linkcode merge}. */
export interface MergeListener {
  ended?(name: string): void;
  failed?(name: string, error: unknown): void;
}

/** A merge to which streams can be added while it is read. */
export interface Merge<T> {
  readonly stream: ReadableStream<T>;
  add(stream: NamedStream<T>): void;
  /** Ends adding: the merged stream ends with the last of its streams. */
  seal(): void;
}

/**
 * Merges streams into one that is read by demand: it holds at most one chunk of each stream, and hands chunks on in the
 * order in which they became ready, so that no stream can starve another.
 *
 * A stream that fails is reported to the listener and removed; the others continue. Cancelling the merged stream
 * cancels them all. When `abort` aborts they are cancelled too, and the held chunks are still handed on.
 */
export function createMerge<T>(listener: MergeListener = {}, abort?: AbortSignal): Merge<T> {
  const readers = new Set<ReadableStreamDefaultReader<T>>();
  const ready: { chunk: T; next: () => void }[] = [];
  let isSealed = false;
  const condition = createCondition();

  // Not Promise.race over the pending reads: the promise of a quiet stream would gather a reaction for each chunk of
  // the others.
  async function read(name: string, reader: ReadableStreamDefaultReader<T>): Promise<void> {
    try {
      const { done, value } = await reader.read();
      if (done) {
        readers.delete(reader);
        listener.ended?.(name);
      } else {
        ready.push({ chunk: value, next: () => read(name, reader) });
      }
    } catch (error) {
      readers.delete(reader);
      listener.failed?.(name, error);
    }
    condition.notify();
  }

  async function cancelAll(reason: unknown): Promise<void> {
    await Promise.allSettled(Array.from(readers, (reader) => reader.cancel(reason)));
  }

  return {
    stream: new ReadableStream<T>({
      start() {
        if (abort !== undefined) onAbort(abort, () => cancelAll(abort.reason));
      },
      async pull(controller) {
        while (ready.length === 0 && (readers.size > 0 || !isSealed)) {
          await condition.changed();
        }
        const first = ready.shift();
        if (first === undefined) return controller.close();
        controller.enqueue(first.chunk);
        first.next();
      },
      cancel: cancelAll,
    }, { highWaterMark: 0 }),
    add({ name, stream }) {
      const reader = stream.getReader();
      readers.add(reader);
      if (abort?.aborted) reader.cancel(abort.reason).catch(() => {});
      read(name, reader);
    },
    seal() {
      isSealed = true;
      condition.notify();
    },
  };
}

/**
 * Merges streams that all exist from the beginning; ends when all have ended or failed. See {@linkcode createMerge}.
 */
export function merge<T>(
  streams: readonly NamedStream<T>[],
  listener: MergeListener = {},
  abort?: AbortSignal,
): ReadableStream<T> {
  const merged = createMerge<T>(listener, abort);
  for (const stream of streams) merged.add(stream);
  merged.seal();
  return merged.stream;
}

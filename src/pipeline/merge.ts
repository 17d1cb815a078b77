/**
 * Several streams as one, fair and by demand.
 *
 * @module
 */

/** A stream to merge, and the name to call it by. */
export interface NamedStream<T> {
  readonly name: string;
  readonly stream: ReadableStream<T>;
}

/** What {@linkcode merge} tells about its streams. */
export interface MergeListener {
  ended?(name: string): void;
  failed?(name: string, error: unknown): void;
}

/**
 * Merges streams into one that is read by demand: of each stream at most one chunk is held, and chunks are handed on
 * in the order in which they became ready, so that no stream can starve another.
 *
 * A stream that fails is told to the listener and left out; the others go on. The merged stream ends when all have
 * ended or failed. Cancelling it cancels them all; when `abort` aborts they are cancelled too, and what is held is still
 * handed on.
 */
export function merge<T>(
  streams: readonly NamedStream<T>[],
  listener: MergeListener = {},
  abort?: AbortSignal,
): ReadableStream<T> {
  const readers = streams.map(({ stream }) => stream.getReader());
  const ready: { at: number; chunk: T }[] = [];
  let open = streams.length;
  let wake: (() => void) | undefined;

  // Not Promise.race over the pending reads: a quiet stream's promise would gather a reaction for each chunk of the rest.
  async function read(at: number): Promise<void> {
    try {
      const { done, value } = await readers[at].read();
      if (done) {
        open--;
        listener.ended?.(streams[at].name);
      } else {
        ready.push({ at, chunk: value });
      }
    } catch (error) {
      open--;
      listener.failed?.(streams[at].name, error);
    }
    wake?.();
  }

  async function cancelAll(reason: unknown): Promise<void> {
    await Promise.allSettled(readers.map((reader) => reader.cancel(reason)));
  }

  return new ReadableStream<T>({
    start() {
      const cancel = () => cancelAll(abort?.reason);
      if (abort?.aborted) cancel();
      else abort?.addEventListener("abort", cancel, { once: true });
      for (const at of readers.keys()) read(at);
    },
    async pull(controller) {
      while (ready.length === 0 && open > 0) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      const next = ready.shift();
      if (next === undefined) return controller.close();
      controller.enqueue(next.chunk);
      read(next.at);
    },
    cancel: cancelAll,
  }, { highWaterMark: 0 });
}

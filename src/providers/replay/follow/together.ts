/**
 * Merges several endless streams, in the order of their values' arrival.
 *
 * @module
 */

/** Streams that are read together; more can be added at any time. */
export interface Together<T> {
  add(source: AsyncGenerator<T>): void;
  /** Ends when all sources have ended, and none was added meanwhile. */
  all(): AsyncGenerator<T>;
}

/** Creates an empty set of streams. At most one value of each waits. */
export function readTogether<T>(): Together<T> {
  const sources = new Set<AsyncGenerator<T>>();
  const ready: { source: AsyncGenerator<T>; result?: IteratorResult<T>; error?: unknown }[] = [];
  let { promise, resolve } = Promise.withResolvers<void>();

  function pull(source: AsyncGenerator<T>): void {
    source.next().then((result) => ready.push({ source, result }), (error) => ready.push({ source, error }))
      .then(() => resolve());
  }

  return {
    add(source) {
      sources.add(source);
      pull(source);
    },
    async *all() {
      try {
        while (sources.size > 0) {
          const next = ready.shift();
          if (next === undefined) {
            await promise;
            ({ promise, resolve } = Promise.withResolvers<void>());
            continue;
          }
          const { source, result, error } = next;
          if (result === undefined || result.done) sources.delete(source);
          if (result === undefined) throw error;
          if (result.done) continue;
          yield result.value;
          pull(source);
        }
      } finally {
        await Promise.allSettled([...sources].map((source) => source.return(undefined)));
      }
    },
  };
}

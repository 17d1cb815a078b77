/**
 * Values that are awaited, or wait.
 *
 * @module
 */

/** First come, first served, on both sides. */
export interface Queue<T> {
  put(value: T): void;
  take(): Promise<T>;
}

/** Makes an empty queue. */
export function createQueue<T>(): Queue<T> {
  const ready: T[] = [];
  const waiting: ((value: T) => void)[] = [];
  return {
    put(value) {
      const next = waiting.shift();
      if (next === undefined) ready.push(value);
      else next(value);
    },
    take: () => ready.length > 0 ? Promise.resolve(ready.shift()!) : new Promise((resolve) => waiting.push(resolve)),
  };
}

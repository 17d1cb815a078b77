/**
 * Waits until something has changed.
 *
 * @module
 */

/** A change that others wait for. They look for the change themselves, in a loop. */
export interface Condition {
  /** Number of changes so far. */
  readonly changes: number;
  /** Resolves at the next change after `since` (which is now by default), when `signal` aborts, or after `ms`. */
  changed(signal?: AbortSignal, since?: number, ms?: number): Promise<void>;
  /** Reports a change: resolves all that wait. */
  notify(): void;
}

/** Creates a condition without changes. */
export function createCondition(): Condition {
  const waiting = new Set<() => void>();
  let changes = 0;
  return {
    get changes() {
      return changes;
    },
    changed(signal, since = changes, ms) {
      return new Promise<void>((resolve) => {
        if (signal?.aborted || changes > since) return resolve();
        const end = () => {
          waiting.delete(end);
          clearTimeout(timer);
          signal?.removeEventListener("abort", end);
          resolve();
        };
        const timer = ms === undefined ? undefined : setTimeout(end, ms);
        waiting.add(end);
        signal?.addEventListener("abort", end, { once: true });
      });
    },
    notify() {
      changes++;
      for (const end of [...waiting]) end();
    },
  };
}

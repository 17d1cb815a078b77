/**
 * Waiting until somebody says that something has changed.
 *
 * @module
 */

/** Those who wait for a change. */
export interface Waiters {
  /** Waits for the next change, or until `signal` aborts; the caller looks at both anew. */
  wait(signal: AbortSignal): Promise<void>;
  /** Wakes all who wait. */
  wakeAll(): void;
}

/** Makes a list of waiters, empty. */
export function createWaiters(): Waiters {
  const waiting = new Set<() => void>();
  return {
    wait(signal) {
      return new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        const wake = () => {
          waiting.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    },
    wakeAll() {
      for (const wake of [...waiting]) wake();
    },
  };
}

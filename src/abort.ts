/**
 * Listens to a signal that may have aborted already.
 *
 * @module
 */

/**
 * Calls `fn` with the reason when `signal` aborts: at once if it has aborted already, when a listener would never be
 * called. Disposing of the result stops listening.
 */
export function onAbort(signal: AbortSignal, fn: (reason: unknown) => void): Disposable {
  const hear = () => fn(signal.reason);
  if (signal.aborted) hear();
  else signal.addEventListener("abort", hear, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", hear) };
}

/** The promise's value, or the signal's reason as an error if that comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const listening = onAbort(signal, reject);
    promise.then(resolve, reject).finally(() => listening[Symbol.dispose]());
  });
}

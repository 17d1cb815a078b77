/**
 * Listening to a signal that may have aborted already.
 *
 * @module
 */

/**
 * Calls `fn` with the reason when `signal` aborts: at once where it has aborted already, as a listener that is added then
 * never hears of it. Disposing of the result stops the listening.
 */
export function onAbort(signal: AbortSignal, fn: (reason: unknown) => void): Disposable {
  const hear = () => fn(signal.reason);
  if (signal.aborted) hear();
  else signal.addEventListener("abort", hear, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", hear) };
}

/**
 * Handles signals that come while the program loads.
 *
 * @module
 */

/** The signals that stop a run. */
export const STOPS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Calls `fn` at each signal that stops a run, until it is disposed of. */
export function onStops(fn: (signal: Deno.Signal) => void): Disposable {
  const listeners = STOPS.map((signal) => [signal, () => fn(signal)] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/**
 * Ends the process at a signal until a run or a command listens itself and disposes of it.
 *
 * @param end Reports the end of the program, and returns its exit code. It imports its code when it is called, as this
 * listens before anything else is loaded.
 */
export function endWhileLoading(end: (signal: Deno.Signal) => Promise<number>): Disposable {
  return onStops(async (signal) => Deno.exit(await end(signal)));
}

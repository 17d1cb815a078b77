/**
 * A stream that can be held up by hand.
 *
 * @module
 */

/** A stream, and the hand on it. */
export interface PauseGate<T> {
  readonly stream: ReadableStream<T>;
  readonly isPaused: boolean;
  /** Reads no more from the source. The source then waits, or its buffer fills. */
  pause(): void;
  resume(): void;
}

/** Puts a valve, open, behind a source. It holds nothing back itself. */
export function createPauseGate<T>(source: ReadableStream<T>): PauseGate<T> {
  const reader = source.getReader();
  let paused: PromiseWithResolvers<void> | undefined;
  return {
    stream: new ReadableStream<T>({
      async pull(controller) {
        while (paused !== undefined) await paused.promise;
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason) {
        paused?.resolve();
        paused = undefined;
        return reader.cancel(reason);
      },
    }, { highWaterMark: 0 }),
    get isPaused() {
      return paused !== undefined;
    },
    pause() {
      paused ??= Promise.withResolvers();
    },
    resume() {
      paused?.resolve();
      paused = undefined;
    },
  };
}

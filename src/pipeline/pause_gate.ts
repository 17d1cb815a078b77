/**
 * A stream that can be paused.
 *
 * @module
 */

/** A stream with its controls. */
export interface PauseGate<T> {
  readonly stream: ReadableStream<T>;
  readonly isPaused: boolean;
  /** Stops reading the source, which then waits, or fills its buffer. */
  pause(): void;
  resume(): void;
}

/** Puts an open gate behind a source. The gate itself holds nothing back. */
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

/**
 * Reads a changing set of streams, some of them paused, as one.
 *
 * @module
 */
import { createCondition } from "../../condition.ts";

/** Reads several streams by demand, holding at most one chunk of each. */
export interface Intake<T> {
  readonly stream: ReadableStream<T>;
  /** Starts to read a stream; `onEnd` is called at its end, with the error if it failed. */
  add(stream: ReadableStream<T>, onEnd: (error?: unknown) => void): Tap;
  /** Ends the stream once all chunks read so far are handed on; with an error, at once. */
  end(error?: unknown): void;
}

/** One stream of an intake. */
export interface Tap {
  /** Pauses reading; a chunk that is on its way waits. */
  pause(): void;
  /** Resumes reading. */
  resume(): void;
  /** Cancels the stream and drops its chunk, which also ends it. */
  cancel(reason: unknown): Promise<void>;
}

/** Creates an empty intake. `onCancel` is called when its reader cancels; all streams are cancelled then. */
export function createIntake<T>(onCancel: (reason: unknown) => void): Intake<T> {
  const taps = new Set<Tap>();
  const ready: (() => T)[] = [];
  let ended: { error?: unknown } | undefined;
  const condition = createCondition();

  function add(stream: ReadableStream<T>, onEnd: (error?: unknown) => void): Tap {
    const reader = stream.getReader();
    let held: { chunk: T } | undefined;
    let isReading = false;
    let isPaused = false;
    let isEnded = false;

    function take(): T {
      const { chunk } = held!;
      held = undefined;
      if (!isPaused) read();
      return chunk;
    }

    function end(error?: unknown): void {
      if (isEnded) return;
      isEnded = true;
      taps.delete(tap);
      onEnd(error);
      condition.notify();
    }

    async function read(): Promise<void> {
      isReading = true;
      try {
        const { done, value } = await reader.read();
        isReading = false;
        if (done) return end();
        held = { chunk: value };
        if (isPaused) return;
        ready.push(take);
        condition.notify();
      } catch (error) {
        end(error);
      }
    }

    const tap: Tap = {
      pause() {
        isPaused = true;
        const at = ready.indexOf(take);
        if (at >= 0) ready.splice(at, 1);
      },
      resume() {
        if (!isPaused) return;
        isPaused = false;
        if (held !== undefined) {
          ready.push(take);
          condition.notify();
        } else if (!isReading) read();
      },
      async cancel(reason) {
        tap.pause();
        await reader.cancel(reason).catch(() => {});
        end();
      },
    };
    taps.add(tap);
    read();
    return tap;
  }

  return {
    stream: new ReadableStream<T>({
      async pull(controller) {
        while (ready.length === 0 && (ended === undefined || (taps.size > 0 && ended.error === undefined))) {
          await condition.changed();
        }
        if (ready.length > 0) controller.enqueue(ready.shift()!());
        else if (ended?.error !== undefined) controller.error(ended.error);
        else controller.close();
      },
      async cancel(reason) {
        ended = {};
        condition.notify();
        onCancel(reason);
        await Promise.allSettled(Array.from(taps, (tap) => tap.cancel(reason)));
      },
    }, { highWaterMark: 0 }),
    add,
    end(error) {
      ended ??= { error };
      condition.notify();
    },
  };
}

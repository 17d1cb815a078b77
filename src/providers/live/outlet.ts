/**
 * Between a socket, which cannot wait, and the pipeline, which may be slow.
 *
 * @module
 */
import { createWaiters } from "../../pipeline/waiters.ts";
import { type Frame, frameSize } from "../../records/frame.ts";

/** A bounded buffer whose far end is a stream. */
export interface Outlet {
  readonly stream: ReadableStream<Frame>;
  /** Puts a frame in, or tells that there is no room. */
  offer(frame: Frame): boolean;
  /** Puts a frame in as soon as the buffer is at most half full. */
  put(frame: Frame, signal: AbortSignal): Promise<void>;
  /** Waits until the buffer is at most half full. */
  drained(signal: AbortSignal): Promise<void>;
  /** Ends the stream after what is buffered; with an error, if one is given. */
  end(error?: unknown): void;
}

/** Makes an outlet for `capacity` records. `onCancel` hears that nobody reads any more. */
export function createOutlet(capacity: number, onCancel: (reason: unknown) => void): Outlet {
  const buffered: Frame[] = [];
  let size = 0;
  let ended: { error?: unknown } | undefined;
  let wakeReader = () => {};
  const waiters = createWaiters();

  function push(frame: Frame): void {
    buffered.push(frame);
    size += frameSize(frame);
    wakeReader();
  }
  async function drained(signal: AbortSignal): Promise<void> {
    while (size > capacity / 2 && ended === undefined) {
      signal.throwIfAborted();
      await waiters.wait(signal);
    }
    signal.throwIfAborted();
  }

  return {
    stream: new ReadableStream<Frame>({
      async pull(controller) {
        while (buffered.length === 0 && ended === undefined) {
          await new Promise<void>((resolve) => wakeReader = resolve);
        }
        const frame = buffered.shift();
        if (frame !== undefined) {
          size -= frameSize(frame);
          if (size <= capacity / 2) waiters.wakeAll();
          controller.enqueue(frame);
        } else if (ended?.error !== undefined) controller.error(ended.error);
        else controller.close();
      },
      cancel(reason) {
        ended = {};
        wakeReader();
        waiters.wakeAll();
        onCancel(reason);
      },
    }, { highWaterMark: 0 }),
    offer(frame) {
      if (ended !== undefined || (size > 0 && size + frameSize(frame) > capacity)) return false;
      push(frame);
      return true;
    },
    async put(frame, signal) {
      await drained(signal);
      if (ended === undefined) push(frame);
    },
    drained,
    end(error) {
      ended ??= { error };
      wakeReader();
    },
  };
}

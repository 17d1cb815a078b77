/**
 * A buffer between a socket, which cannot wait, and the pipeline, which may be slow. Live bars overtake frames of
 * history.
 *
 * @module
 */
import { createCredit } from "../../../pipeline/late.ts";
import { createCondition } from "../../../condition.ts";
import { type Frame, frameSize } from "../../../records/frame.ts";

/** A bounded buffer whose output is a stream. */
export interface LiveBuffer {
  readonly stream: ReadableStream<Frame>;
  /** Adds a frame. Returns whether there was room. */
  offer(frame: Frame): boolean;
  /** Adds a frame of history as soon as the buffer is at most half full. */
  put(frame: Frame, signal: AbortSignal): Promise<void>;
  /** Waits until the buffer is at most half full. */
  drained(signal: AbortSignal): Promise<void>;
  /** Ends the stream after the buffered frames, with an error if one is given. */
  end(error?: unknown): void;
}

/**
 * Creates a buffer for `capacity` records, which hands on at most `underWay` unsettled ones of history. `onCancel` is
 * called when its reader cancels.
 */
export function createLiveBuffer(
  capacity: number,
  onCancel: (reason: unknown) => void,
  underWay = Infinity,
): LiveBuffer {
  const live: Frame[] = [];
  const history: Frame[] = [];
  /** Changes when frames come, leave, or may leave. */
  const condition = createCondition();
  const credit = createCredit(underWay, () => condition.notify());
  let size = 0;
  let ended: { error?: unknown } | undefined;

  function push(queue: Frame[], frame: Frame): void {
    queue.push(frame);
    size += frameSize(frame);
    condition.notify();
  }
  function take(): Frame | undefined {
    const isNext = live.length === 0 && history.length > 0 && credit.allows(frameSize(history[0]));
    const frame = isNext ? credit.spend(history.shift()!) : live.shift();
    if (frame !== undefined) size -= frameSize(frame);
    return frame;
  }
  async function drained(signal: AbortSignal): Promise<void> {
    while (size > capacity / 2 && ended === undefined) {
      signal.throwIfAborted();
      await condition.changed(signal);
    }
    signal.throwIfAborted();
  }

  return {
    stream: new ReadableStream<Frame>({
      async pull(controller) {
        let frame = take();
        while (frame === undefined && (ended === undefined || size > 0)) {
          await condition.changed();
          frame = take();
        }
        if (frame !== undefined) {
          if (size <= capacity / 2) condition.notify();
          controller.enqueue(frame);
        } else if (ended?.error !== undefined) controller.error(ended.error);
        else controller.close();
      },
      cancel(reason) {
        ended = {};
        live.length = history.length = size = 0;
        condition.notify();
        onCancel(reason);
      },
    }, { highWaterMark: 0 }),
    offer(frame) {
      if (ended !== undefined || (size > 0 && size + frameSize(frame) > capacity)) return false;
      push(live, frame);
      return true;
    },
    async put(frame, signal) {
      await drained(signal);
      if (ended === undefined) push(history, frame);
    },
    drained,
    end(error) {
      ended ??= { error };
      condition.notify();
    },
  };
}

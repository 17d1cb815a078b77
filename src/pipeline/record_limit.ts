/**
 * The limit on what is accepted, over all sources together.
 *
 * @module
 */
import { sliceRows } from "../records/columns.ts";
import { type Frame, frameSize } from "../records/frame.ts";

/** Lets frames through up to a limit that all streams share which it is put on. */
export type Limit = (stream: ReadableStream<Frame>) => ReadableStream<Frame>;

/**
 * Makes a limit of that many records; the frame in which it falls is cut there. `onLimit` is called when it is reached:
 * the stream in which that happens ends then, and of the others nothing more comes through.
 */
export function createLimit(limit: number, onLimit: () => void): Limit {
  if (limit === Infinity) return (stream) => stream;
  let left = limit;
  return (stream) =>
    stream.pipeThrough(
      new TransformStream<Frame, Frame>(
        {
          transform(frame, controller) {
            if (left === 0) return;
            const passed = cut(frame, left);
            left -= frameSize(passed);
            controller.enqueue(passed);
            if (left > 0) return;
            onLimit();
            controller.terminate();
          },
        },
        { highWaterMark: 1 },
        { highWaterMark: 0 },
      ),
    );
}

/** The first `size` of a frame's records and rejected items. Cut short, the frame never settles as a whole. */
function cut(frame: Frame, size: number): Frame {
  if (frameSize(frame) <= size) return frame;
  const columns = sliceRows(frame.columns, 0, size);
  return { ...frame, columns, rejected: frame.rejected.slice(0, size - columns.count) };
}

/**
 * The limit of accepted records, over all sources together.
 *
 * @module
 */
import { sliceRows } from "../records/columns.ts";
import { type Frame, frameSize } from "../records/frame.ts";

/** Lets frames through up to a limit, which all streams that pass it share. */
export type Limit = (stream: ReadableStream<Frame>) => ReadableStream<Frame>;

/**
 * Creates a limit of that many records; the frame that reaches it is cut there. `onLimit` is called when it is reached:
 * that stream ends then, and the others let nothing more through.
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

/** The first `size` of a frame's records and rejected items. A cut frame never settles as a whole. */
function cut(frame: Frame, size: number): Frame {
  if (frameSize(frame) <= size) return frame;
  const columns = sliceRows(frame.columns, 0, size);
  return { ...frame, columns, rejected: frame.rejected.slice(0, size - columns.count) };
}

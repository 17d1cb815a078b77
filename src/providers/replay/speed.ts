/**
 * Plays records at their original pace.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { sliceRows, TS } from "../../records/columns.ts";
import type { Frame } from "../../records/frame.ts";

/**
 * Hands records on when `speed` × real time reaches theirs, counted from the first. Frames are split where the time
 * changes; records whose time goes back do not wait. Ends early when `stop` aborts.
 */
export async function* playAtSpeed(
  frames: AsyncIterable<Frame>,
  speed: number,
  stop: AbortSignal,
): AsyncGenerator<Frame> {
  let firstTs: number | undefined;
  const startedAt = performance.now();
  for await (const frame of frames) {
    // A rejected item has no time, and passes with the first part.
    let { rejected } = frame;
    const { columns } = frame;
    const times = columns.cells.subarray(TS * columns.stride, TS * columns.stride + columns.count);
    for (let from = 0; from < Math.max(1, columns.count);) {
      const ts: number | undefined = times[from];
      let to = from + 1;
      while (to < columns.count && times[to] === ts) to++;
      if (ts !== undefined) {
        firstTs ??= ts;
        const waitMs = startedAt + (ts - firstTs) / speed - performance.now();
        if (waitMs > 0) await delay(waitMs, { signal: stop }).catch(() => {});
        if (stop.aborted) return;
      }
      yield {
        ...frame,
        receivedAt: Math.max(frame.receivedAt, Date.now() * 1000),
        columns: sliceRows(columns, from, to - from),
        rejected,
      };
      rejected = [];
      from = to;
    }
  }
}

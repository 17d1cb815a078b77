/**
 * Playing records at the pace at which they once came.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Frame } from "../../records/frame.ts";

/**
 * Hands records on when `speed` × real time has come to theirs, counted from the first. Frames are split where the time
 * changes; records whose time goes back are not waited for. Ends early when `stop` aborts.
 */
export async function* playAtSpeed(
  frames: AsyncIterable<Frame>,
  speed: number,
  stop: AbortSignal,
): AsyncGenerator<Frame> {
  let firstTs: number | undefined;
  const startedAt = performance.now();
  for await (const frame of frames) {
    // What a frame could not read has no time of its own; it goes with the first part.
    let { rejected } = frame;
    for (let from = 0; from < Math.max(1, frame.records.length);) {
      const ts = frame.records[from]?.ts;
      let to = from + 1;
      while (to < frame.records.length && frame.records[to].ts === ts) to++;
      if (ts !== undefined) {
        firstTs ??= ts;
        const waitMs = startedAt + (ts - firstTs) / speed - performance.now();
        if (waitMs > 0) await delay(waitMs, { signal: stop }).catch(() => {});
        if (stop.aborted) return;
      }
      yield {
        ...frame,
        receivedAt: Math.max(frame.receivedAt, Date.now() * 1000),
        records: frame.records.slice(from, to),
        lines: frame.lines?.slice(from, to),
        rejected,
      };
      rejected = [];
      from = to;
    }
  }
}

/**
 * Reading what a feed hands over.
 *
 * @module
 */
import type { Bar } from "../../src/records/bar.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { recordsOf } from "./frames.ts";

/** Reads and settles frames until `done` says, of all bars so far and the newest frame, that this was all. */
export async function readBars(
  reader: ReadableStreamDefaultReader<Frame>,
  done: (bars: Bar[], frame: Frame) => boolean,
): Promise<Bar[]> {
  const bars: Bar[] = [];
  while (true) {
    const { value, done: ended } = await reader.read();
    if (ended) throw new Error("the stream ended too early");
    bars.push(...recordsOf(value));
    value.ack("committed", frameSize(value));
    if (done(bars, value)) return bars;
  }
}

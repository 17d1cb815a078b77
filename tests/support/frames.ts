/**
 * Bars and frames in memory, sound unless said otherwise.
 *
 * @module
 */
import type { Bar } from "../../src/records/bar.ts";
import { createFrame, type Frame, type FrameInit } from "../../src/records/frame.ts";

/** 2024-01-02, half past nine in New York. */
export const OPENING = Date.UTC(2024, 0, 2, 14, 30);

/** A sound bar, `minute` minutes after the opening. */
export function makeBar(fields: Partial<Bar> = {}, minute = 0): Bar {
  return {
    provider: "test",
    symbol: "AAPL",
    timeframe: "1m",
    ts: OPENING + minute * 60_000,
    open: 100,
    high: 101,
    low: 99,
    close: 100.5,
    volume: 1000 + minute,
    status: "final",
    receivedAt: OPENING * 1000 + minute,
    ...fields,
  };
}

/** `count` sound bars, the first at minute `from`. */
export function makeBars(count: number, from = 0): Bar[] {
  return Array.from({ length: count }, (_, at) => makeBar({}, from + at));
}

/** A frame of these bars, or of that many sound ones. */
export function makeFrame(bars: readonly Bar[] | number, init: Partial<FrameInit<Bar>> = {}): Frame<Bar> {
  return createFrame({
    kind: "bar",
    provider: "test",
    receivedAt: OPENING * 1000,
    records: typeof bars === "number" ? makeBars(bars) : bars,
    ...init,
  });
}

/** Frames of these sizes whose bars are numbered on through all of them. */
export function makeFrames(sizes: readonly number[]): Frame<Bar>[] {
  let from = 0;
  return sizes.map((size) => makeFrame(makeBars(size, (from += size) - size)));
}

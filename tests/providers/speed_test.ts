import { assert, assertEquals } from "@std/assert";
import { playAtSpeed } from "../../src/providers/replay/speed.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { makeBar, makeFrame, recordsOf } from "../support/frames.ts";

/** A frame of records of these times, in milliseconds. */
function frameOf(times: number[], onSettled?: () => void): Frame {
  const records = times.map((ts, at) => makeBar({ ts, receivedAt: 1 + at }));
  const rejected = [{ reason: "bad", item: {} }];
  return makeFrame(records, { rejected, onSettled });
}

async function* only(...frames: Frame[]): AsyncGenerator<Frame> {
  yield* frames;
}

Deno.test("records are handed on when their time has come, at N times real time", async () => {
  const started = performance.now();
  const arrivals: [number, number][] = [];
  for await (const frame of playAtSpeed(only(frameOf([0, 0, 60_000, 120_000])), 1200, new AbortController().signal)) {
    arrivals.push([recordsOf(frame).length, performance.now() - started]);
  }
  assertEquals(arrivals.map(([count]) => count), [2, 1, 1]);
  for (const [at, [, ms]] of arrivals.entries()) assert(ms >= at * 50 - 2, `part ${at} came after ${ms} ms`);
});

Deno.test("a record whose time goes back is not waited for", async () => {
  const parts: number[] = [];
  for await (const frame of playAtSpeed(only(frameOf([60_000, 0, 60_000])), 0.001, new AbortController().signal)) {
    parts.push(recordsOf(frame)[0].ts);
  }
  assertEquals(parts, [60_000, 0, 60_000]);
});

Deno.test("the parts of a frame settle it together, and its rejected items are handed on once", async () => {
  let settled = 0;
  let count = 0;
  const frames = only(frameOf([0, 1, 2], () => settled++));
  for await (const part of playAtSpeed(frames, 1e9, new AbortController().signal)) {
    assertEquals(settled, 0);
    count += frameSize(part);
    part.ack("committed", frameSize(part));
  }
  assertEquals([settled, count], [1, 4]);
});

Deno.test("a stop ends the waiting at once", async () => {
  const stopping = new AbortController();
  const parts = playAtSpeed(only(frameOf([0, 86_400_000])), 1, stopping.signal);
  assertEquals((await parts.next()).done, false);
  const waiting = parts.next();
  stopping.abort();
  assertEquals((await waiting).done, true);
});

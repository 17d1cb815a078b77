import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createLimit } from "../../src/pipeline/record_limit.ts";
import type { Frame } from "../../src/records/frame.ts";
import { frameSize } from "../../src/records/frame.ts";
import { linesOf, makeFrame, makeFrames, recordsOf } from "../support/frames.ts";
import { collect, forever, sourceOf } from "../support/streams.ts";

const sizes = (frames: readonly Frame[]) => frames.map(frameSize);
const total = (frames: readonly Frame[]) => sizes(frames).reduce((sum, size) => sum + size, 0);

Deno.test("the limit is exact, wherever it falls", async () => {
  const shape = fc.record({ records: fc.nat({ max: 20 }), rejected: fc.nat({ max: 5 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(shape, { minLength: 1 }), fc.integer({ min: 1, max: 200 }), async (shapes, most) => {
      const frames = shapes.map(({ records, rejected }) =>
        makeFrame(records, { rejected: Array.from({ length: rejected }, (_, item) => ({ reason: "bad", item })) })
      );
      let reached = 0;
      const given = await collect(createLimit(most, () => reached++)(sourceOf(frames).stream));
      assertEquals(total(given), Math.min(most, total(frames)));
      assertEquals(reached, total(frames) >= most ? 1 : 0);
    }),
  );
});

Deno.test("several streams share one limit", async () => {
  let reached = 0;
  const limit = createLimit(10, () => reached++);
  const sources = [3, 4].map((size) => sourceOf(makeFrames(Array(9).fill(size))));
  const given = await Promise.all(sources.map(({ stream }) => collect(limit(stream))));
  assertEquals([total(given.flat()), reached], [10, 1]);
});

Deno.test("a frame that the limit cuts keeps its first records, and never settles as a whole", async () => {
  let settledWhole = false;
  const whole = makeFrame(3, { lines: [5, 6, 7], source: "a.csv", onSettled: () => settledWhole = true });
  const [frame] = await collect(createLimit(2, () => {})(sourceOf([whole]).stream));
  assertEquals(recordsOf(frame), recordsOf(whole).slice(0, 2));
  assertEquals([frame.source, linesOf(frame)?.slice(0, 2), frame.rejected], ["a.csv", [5, 6], []]);
  frame.ack("committed", 2);
  assertEquals(settledWhole, false);
});

Deno.test("the limit cancels the source", async () => {
  const source = sourceOf(forever(() => makeFrame(2)));
  assertEquals(sizes(await collect(createLimit(5, () => {})(source.stream))), [2, 2, 1]);
  await source.cancelled;
});

Deno.test("a stream without a limit passes unchanged", () => {
  const { stream } = sourceOf(makeFrames([1]));
  assertEquals(createLimit(Infinity, () => {})(stream), stream);
});

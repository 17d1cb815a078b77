import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Watermark } from "../../src/events.ts";
import { type Batch, createBatcher } from "../../src/pipeline/batch.ts";
import { distribute } from "../../src/pipeline/deliver.ts";
import { makeFrames, recordsOf } from "../support/frames.ts";
import { settled, sourceOf } from "../support/streams.ts";

/** Sizes of frames, a queue, and lanes of which each waits that many rounds after a batch. */
const scenario = fc.record({
  frames: fc.array(fc.nat({ max: 40 }), { maxLength: 30 }),
  capacity: fc.integer({ min: 1, max: 100 }),
  maxRecords: fc.integer({ min: 1, max: 50 }),
  lingerMs: fc.constantFrom(0, 1),
  pauses: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 4 }),
});

/** Lets frames through a batcher into lanes, and gives the batches in the order in which they were made. */
async function batchesOf({ frames, pauses, ...options }: typeof scenario extends fc.Arbitrary<infer T> ? T : never) {
  const input = makeFrames(frames);
  const watermarks: Watermark[] = [];
  const batcher = createBatcher({
    ...options,
    kind: "bar",
    emit: (event) => event.type === "watermark" && watermarks.push(event.level),
  });
  const batches: Batch[] = [];
  const lanes = pauses.map((rounds) =>
    new WritableStream<Batch>({
      async write(batch) {
        batches.push(batch);
        for (let round = 0; round < rounds; round++) await settled();
      },
    })
  );
  await distribute(sourceOf(input).stream.pipeThrough(batcher.stream), lanes);
  return { input, batches, batcher, watermarks };
}

Deno.test("the batches are the input at any speed, bounded, and no record stays behind", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { input, batches, batcher, watermarks } = await batchesOf(given);
      assertEquals(batches.flatMap((batch) => recordsOf(batch)), input.flatMap((frame) => recordsOf(frame)));
      for (const { count } of batches) assert(count > 0 && count <= given.maxRecords);
      assertEquals([batcher.depth, batcher.isClosed], [0, true]);
      assert(watermarks.every((level, at) => level === (at % 2 === 0 ? "high" : "low")), String(watermarks));
      assert(watermarks.length % 2 === 0, "an empty queue is low");
    }),
    { numRuns: 150 },
  );
});

Deno.test("the parts of the batches cover every frame exactly, in order", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { input, batches } = await batchesOf(given);
      for (const { count, slices } of batches) {
        assertEquals(slices.reduce((sum, { count }) => sum + count, 0), count);
        assert(slices.every(({ count, frame, columns }) => count > 0 && columns === frame.columns));
      }
      const parts = batches.flatMap(({ slices }) => slices);
      for (const frame of input) {
        let next = 0;
        for (const { from, count } of parts.filter((part) => part.frame === frame)) {
          assertEquals(from, next);
          next += count;
        }
        assertEquals(next, frame.columns.count);
      }
    }),
    { numRuns: 150 },
  );
});

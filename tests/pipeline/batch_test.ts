import { assert, assertEquals } from "@std/assert";
import type { PipelineEvent } from "../../src/events.ts";
import { type Batch, type BatchOptions, createBatcher, locateInBatch } from "../../src/pipeline/batch.ts";
import { fakeClock } from "../support/clock.ts";
import { makeBars, makeFrame, makeFrames, recordsOf } from "../support/frames.ts";
import { eventLog } from "../support/letters.ts";
import { collect, forever, heldLane, manualSource, settled, sourceOf } from "../support/streams.ts";

const batcherOf = (options: Partial<BatchOptions> = {}) =>
  createBatcher({ capacity: 1000, maxRecords: 100, lingerMs: 5, kind: "bar", emit: () => {}, ...options });

const sizes = (batches: readonly Batch[]) => batches.map(({ count }) => count);

const levels = (events: Extract<PipelineEvent, { type: "watermark" }>[]) =>
  events.map(({ level, depth, capacity }) => `${level} at ${depth} of ${capacity}`);

Deno.test("a batch holds the records of its frames, in their order", async () => {
  const { stream } = batcherOf();
  const frames = makeFrames([3, 2]);
  const [batch, ...more] = await collect(sourceOf(frames).stream.pipeThrough(stream));
  assertEquals(more, []);
  assertEquals(recordsOf(batch), makeBars(5));
  assertEquals(batch.slices.map(({ frame, from, count }) => ({ frame, from, count })), [
    { frame: frames[0], from: 0, count: 3 },
    { frame: frames[1], from: 0, count: 2 },
  ]);
});

Deno.test("a frame above the size of a batch is divided", async () => {
  const { stream } = batcherOf({ maxRecords: 10 });
  const frames = makeFrames([25]);
  const batches = await collect(sourceOf(frames).stream.pipeThrough(stream));
  assertEquals(sizes(batches), [10, 10, 5]);
  assertEquals(batches.map(({ slices }) => slices.map(({ from, count }) => [from, count])), [
    [[0, 10]],
    [[10, 10]],
    [[20, 5]],
  ]);
});

Deno.test("the last partial batch is handed over at the end, without waiting for the linger", async () => {
  using clock = fakeClock();
  const { stream } = batcherOf({ maxRecords: 10, lingerMs: 60_000 });
  const batches = await collect(sourceOf(makeFrames([10, 3])).stream.pipeThrough(stream));
  assertEquals(sizes(batches), [10, 3]);
  assertEquals(clock.timers, 0);
});

Deno.test("a batch that is not full is handed over at once while no other is written", async () => {
  using clock = fakeClock();
  const batcher = batcherOf({ lingerMs: 60_000 });
  const source = manualSource<ReturnType<typeof makeFrame>>();
  const reader = source.stream.pipeThrough(batcher.stream).getReader();
  source.give(makeFrame(1));
  assertEquals((await reader.read()).value?.count, 1);
  assertEquals(clock.timers, 0);
  const another = batcher.write();
  const second = reader.read();
  source.give(makeFrame(2));
  await clock.tick(59_999);
  assertEquals(clock.timers, 1);
  another[Symbol.dispose]();
  await clock.tick(1);
  assertEquals((await second).value?.count, 2);
  await reader.cancel();
});

Deno.test("a batch that is not full waits for more as long as the linger, from its first record on", async () => {
  using clock = fakeClock();
  const batcher = batcherOf({ lingerMs: 5 });
  using _another = batcher.write();
  const source = manualSource<ReturnType<typeof makeFrame>>();
  const reader = source.stream.pipeThrough(batcher.stream).getReader();
  let batch: Batch | undefined;
  reader.read().then(({ value }) => batch = value);
  source.give(makeFrame(1));
  await clock.tick(3);
  source.give(makeFrame(2));
  await clock.tick(1);
  assertEquals(batch, undefined);
  await clock.tick(1);
  assertEquals(batch?.count, 3);
  source.end();
  await reader.read();
});

Deno.test("a batch that is full is handed over at once", async () => {
  using clock = fakeClock();
  const { stream } = batcherOf({ maxRecords: 4, lingerMs: 60_000 });
  const source = manualSource<ReturnType<typeof makeFrame>>();
  const reader = source.stream.pipeThrough(stream).getReader();
  source.give(makeFrame(2));
  source.give(makeFrame(2));
  assertEquals((await reader.read()).value?.count, 4);
  assertEquals(clock.timers, 0);
  await reader.cancel();
});

Deno.test("batches form by demand: records that came without a demand are gathered at the next one", async () => {
  using clock = fakeClock();
  const { stream } = batcherOf({ maxRecords: 100, lingerMs: 5 });
  const reader = sourceOf(makeFrames(Array(30).fill(5))).stream.pipeThrough(stream).getReader();
  await clock.tick(1000);
  assertEquals((await reader.read()).value?.count, 100);
  assertEquals((await reader.read()).value?.count, 50);
  assert((await reader.read()).done);
});

Deno.test("a rest that did not fit is handed over without demand, and nothing else is", async () => {
  using clock = fakeClock();
  const batcher = batcherOf({ maxRecords: 10, lingerMs: 5 });
  const source = manualSource<ReturnType<typeof makeFrame>>();
  const reader = source.stream.pipeThrough(batcher.stream).getReader();
  const first = reader.read();
  source.give(makeFrame(12));
  assertEquals((await first).value?.count, 10);
  await clock.tick(1000);
  for (let at = 0; at < 5; at++) source.give(makeFrame(4));
  await clock.tick(1000);
  assertEquals(batcher.depth, 20);
  assertEquals((await reader.read()).value?.count, 2);
  assertEquals((await reader.read()).value?.count, 10);
  await reader.cancel();
});

Deno.test("the queue counts records: a sink that never ends its write lets no more be pulled than fits", async () => {
  using clock = fakeClock();
  const batcher = batcherOf({ capacity: 100, maxRecords: 20 });
  const source = sourceOf(forever(() => makeFrame(10)));
  const lane = heldLane<Batch>();
  source.stream.pipeThrough(batcher.stream).pipeTo(lane.stream);
  await clock.tick(1000);
  const inSink = 20 * lane.written.length;
  // The capacity, a batch that the lane's own queue asked for, and the frame at which the queue is found full.
  assert(source.pulled * 10 <= inSink + 100 + 20 + 10, `pulled ${source.pulled} frames`);
  assert(batcher.depth >= 90 && batcher.depth <= 110, `depth ${batcher.depth}`);
});

Deno.test("a frame above the capacity passes all the same", async () => {
  const { stream } = batcherOf({ capacity: 5, maxRecords: 50 });
  assertEquals(sizes(await collect(sourceOf(makeFrames([50, 50])).stream.pipeThrough(stream))), [50, 50]);
});

Deno.test("each crossing of a watermark gives one event", async () => {
  const { emit, of } = eventLog();
  const { stream } = batcherOf({ capacity: 100, maxRecords: 10, emit });
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const fill = (count: number) => makeFrames(Array(count).fill(10)).forEach((frame) => writer.write(frame));
  const take = async (count: number) => {
    for (let at = 0; at < count; at++) await reader.read();
  };
  await settled();
  fill(7);
  assertEquals(of("watermark"), []);
  fill(2);
  assertEquals(levels(of("watermark")), ["high at 80 of 100"]);
  await take(3);
  fill(3);
  assertEquals(of("watermark").length, 1, "between the watermarks nothing is told");
  await take(4);
  assertEquals(levels(of("watermark")), ["high at 80 of 100", "low at 50 of 100"]);
  await take(1);
  fill(4);
  await take(8);
  assertEquals(levels(of("watermark")).slice(2), ["high at 80 of 100", "low at 50 of 100"]);
  await reader.cancel();
});

Deno.test("the watermarks carry the kind of their queue", async () => {
  const { emit, of } = eventLog();
  const { stream } = batcherOf({ capacity: 10, kind: "option", emit });
  await collect(sourceOf(makeFrames([10])).stream.pipeThrough(stream));
  assertEquals(of("watermark").map(({ kind, level }) => `${kind} ${level}`), ["option high", "option low"]);
});

Deno.test("cancelling the batches reaches the source, and leaves no timer behind", async () => {
  using clock = fakeClock();
  const batcher = batcherOf();
  const source = sourceOf(forever(() => makeFrame(1)));
  const reader = source.stream.pipeThrough(batcher.stream).getReader();
  reader.read();
  await settled();
  await reader.cancel("enough");
  assertEquals(await source.cancelled, "enough");
  assertEquals([clock.timers, batcher.isClosed], [0, true]);
});

Deno.test("a source that fails leaves no timer behind", async () => {
  using clock = fakeClock();
  const batcher = batcherOf();
  using _another = batcher.write();
  const source = manualSource<ReturnType<typeof makeFrame>>();
  const reader = source.stream.pipeThrough(batcher.stream).getReader();
  const read = reader.read().catch((error) => error.message);
  source.give(makeFrame(1));
  await settled();
  source.fail(new Error("torn"));
  assertEquals(await read, "torn");
  assertEquals([clock.timers, batcher.isClosed], [0, true]);
});

Deno.test("a batcher is closed when its last batch has been handed over", async () => {
  const batcher = batcherOf();
  assertEquals(batcher.isClosed, false);
  await collect(sourceOf(makeFrames([3])).stream.pipeThrough(batcher.stream));
  assertEquals([batcher.isClosed, batcher.depth], [true, 0]);
});

Deno.test("a record of a batch is located by its frame's file and line", () => {
  const frames = [
    makeFrame(3, { source: "a.csv", lines: [2, 3, 5] }),
    makeFrame(1),
    makeFrame(2, { source: "b.csv", lines: [7, 8] }),
  ];
  const batch: Batch = {
    count: 4,
    slices: [
      { frame: frames[0], columns: frames[0].columns, from: 1, count: 2 },
      { frame: frames[1], columns: frames[1].columns, from: 0, count: 1 },
      { frame: frames[2], columns: frames[2].columns, from: 0, count: 1 },
    ],
  };
  assertEquals([0, 1, 2, 3, 4].map((at) => locateInBatch(batch, at)), [
    "a.csv:3",
    "a.csv:5",
    undefined,
    "b.csv:7",
    undefined,
  ]);
});

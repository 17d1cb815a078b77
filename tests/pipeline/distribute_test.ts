import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { distribute } from "../../src/pipeline/deliver.ts";
import { forever, heldLane, manualSource, settled, sourceOf } from "../support/streams.ts";

/** A lane that takes everything at once. */
function openLane<T>(written: T[]): WritableStream<T> {
  return new WritableStream<T>({ write: (chunk) => void written.push(chunk) });
}

Deno.test("every chunk goes to exactly one lane", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat()), fc.integer({ min: 1, max: 8 }), async (chunks, count) => {
      const written: number[] = [];
      await distribute(sourceOf(chunks).stream, Array.from({ length: count }, () => openLane(written)));
      assertEquals(written.toSorted(), chunks.toSorted());
    }),
  );
});

Deno.test("lanes whose writes never end let one chunk a lane be pulled, and no more", async () => {
  const source = sourceOf(forever((at) => at));
  const lanes = Array.from({ length: 3 }, () => heldLane<number>());
  distribute(source.stream, lanes.map(({ stream }) => stream));
  await settled();
  assertEquals(source.pulled, 3);
  assertEquals(lanes.map(({ written }) => written), [[0], [1], [2]]);
});

Deno.test("a chunk goes to the lane that is free", async () => {
  const source = sourceOf(forever((at) => at));
  const lanes = [heldLane<number>(), heldLane<number>()];
  distribute(source.stream, lanes.map(({ stream }) => stream));
  await settled();
  lanes[1].release();
  await settled();
  lanes[1].release();
  await settled();
  assertEquals(lanes.map(({ written }) => written), [[0], [1, 2, 3]]);
});

Deno.test("at the end the lanes write the rest, and are closed", async () => {
  const source = sourceOf(["only"]);
  const lanes = [heldLane<string>(), heldLane<string>()];
  let done = false;
  const spreading = distribute(source.stream, lanes.map(({ stream }) => stream)).then(() => done = true);
  await settled();
  assertEquals([done, lanes[0].closed, lanes[1].closed], [false, false, true]);
  lanes[0].release();
  await spreading;
  assertEquals([lanes[0].written, lanes[0].closed], [["only"], true]);
});

Deno.test("a lane that fails cancels the source, and the other lanes finish their batches", async () => {
  const source = sourceOf(forever((at) => at));
  const lanes = [heldLane<number>(), heldLane<number>()];
  const spreading = assertRejects(() => distribute(source.stream, lanes.map(({ stream }) => stream)), Error, "broken");
  await settled();
  lanes[0].release(new Error("broken"));
  assertEquals((await source.cancelled as Error).message, "broken");
  lanes[1].release();
  await spreading;
  assertEquals([lanes[1].written, lanes[1].closed], [[1], true]);
});

Deno.test("a lane that cannot be closed fails the whole", async () => {
  const lane = new WritableStream({ close: () => Promise.reject(new Error("no farewell")) });
  await assertRejects(() => distribute(sourceOf([1]).stream, [lane]), Error, "no farewell");
});

Deno.test("a source that fails aborts the lanes, so that they let go of their batches", async () => {
  const source = manualSource<number>();
  const lanes = [heldLane<number>(), heldLane<number>()];
  const spreading = assertRejects(() => distribute(source.stream, lanes.map(({ stream }) => stream)), Error, "torn");
  const torn = new Error("torn");
  source.fail(torn);
  await spreading;
  assertEquals(lanes.map(({ abortedWith }) => abortedWith), [torn, torn]);
});

Deno.test("a source that fails while a lane writes is reported when the write has ended", async () => {
  const source = manualSource<number>();
  const lane = heldLane<number>();
  const spreading = assertRejects(() => distribute(source.stream, [lane.stream]), Error, "torn");
  source.give(1);
  await settled();
  source.fail(new Error("torn"));
  await settled();
  assert(lane.abortedWith === undefined);
  lane.release();
  await spreading;
  assertEquals(lane.written, [1]);
});

Deno.test("the failure of a lane is reported even if the source cannot be cancelled", async () => {
  const source = new ReadableStream<number>({
    pull: (controller) => controller.enqueue(1),
    cancel: () => Promise.reject(new Error("cannot be cancelled")),
  });
  const lane = new WritableStream<number>({ write: () => Promise.reject(new Error("broken")) });
  await assertRejects(() => distribute(source, [lane]), Error, "broken");
});

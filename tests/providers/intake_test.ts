import { assertEquals, assertRejects } from "@std/assert";
import { createIntake } from "../../src/providers/failover/intake.ts";
import { collect, manualSource, settled, sourceOf } from "../support/streams.ts";

const ignore = () => {};

Deno.test("all streams are read to their ends, and the end comes after them", async () => {
  const intake = createIntake<number>(ignore);
  const ends: unknown[] = [];
  intake.add(sourceOf([1, 2]).stream, (error) => ends.push(error));
  intake.add(sourceOf([3]).stream, (error) => ends.push(error));
  intake.end();
  assertEquals((await collect(intake.stream)).toSorted(), [1, 2, 3]);
  assertEquals(ends, [undefined, undefined]);
});

Deno.test("it is read by demand, with one chunk of each stream held", async () => {
  const intake = createIntake<number>(ignore);
  const source = sourceOf([1, 2, 3, 4]);
  intake.add(source.stream, ignore);
  await settled();
  assertEquals(source.pulled, 1);
  const reader = intake.stream.getReader();
  await reader.read();
  await settled();
  assertEquals(source.pulled, 2);
  await reader.cancel();
});

Deno.test("cancelling reaches every stream, also a paused one, and is reported", async () => {
  const reasons: unknown[] = [];
  const intake = createIntake<number>((reason) => reasons.push(reason));
  const sources = [manualSource<number>(), manualSource<number>()];
  const [, paused] = sources.map(({ stream }) => intake.add(stream, ignore));
  paused.pause();
  await intake.stream.cancel("enough");
  assertEquals(reasons, ["enough"]);
  assertEquals(await Promise.all(sources.map(({ cancelled }) => cancelled)), ["enough", "enough"]);
});

Deno.test("a paused stream hands over nothing until it is resumed, not even the frames on their way", async () => {
  const intake = createIntake<string>(ignore);
  const [one, other] = [manualSource<string>(), manualSource<string>()];
  const tap = intake.add(one.stream, ignore);
  intake.add(other.stream, ignore);
  const reader = intake.stream.getReader();
  one.give("held");
  await settled();
  tap.pause();
  one.give("behind");
  other.give("first");
  assertEquals((await reader.read()).value, "first");
  tap.resume();
  assertEquals([(await reader.read()).value, (await reader.read()).value], ["held", "behind"]);
  await reader.cancel();
});

Deno.test("a chunk that arrives during the pause waits too", async () => {
  const intake = createIntake<string>(ignore);
  const source = manualSource<string>();
  const tap = intake.add(source.stream, ignore);
  tap.pause();
  source.give("late");
  await settled();
  const reader = intake.stream.getReader();
  const read = reader.read();
  await settled();
  tap.resume();
  assertEquals((await read).value, "late");
  await reader.cancel();
});

Deno.test("a failed stream is reported with its error, after its frames; the others are read", async () => {
  const intake = createIntake<number>(ignore);
  const [one, other] = [manualSource<number>(), manualSource<number>()];
  const failed = Promise.withResolvers<unknown>();
  intake.add(one.stream, failed.resolve);
  intake.add(other.stream, ignore);
  const reader = intake.stream.getReader();
  one.give(1);
  assertEquals((await reader.read()).value, 1);
  one.fail(new Error("gone"));
  assertEquals((await failed.promise as Error).message, "gone");
  other.give(2);
  assertEquals((await reader.read()).value, 2);
  intake.end(new Error("all are gone"));
  await assertRejects(() => reader.read(), Error, "all are gone");
});

Deno.test("a stream that is given up ends once, and does not delay the end of the others", async () => {
  const intake = createIntake<number>(ignore);
  const source = manualSource<number>();
  let ends = 0;
  const tap = intake.add(source.stream, () => ends++);
  source.give(1);
  await settled();
  tap.pause();
  await tap.cancel("not needed");
  intake.end();
  assertEquals([await collect(intake.stream), ends], [[], 1]);
});

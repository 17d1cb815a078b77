import { assertEquals } from "@std/assert";
import { createProgress } from "../../src/journal/progress.ts";

Deno.test("the frontier passes an acked entry only when all older ones are acked", () => {
  let acks = 0;
  const progress = createProgress(7, () => acks++);
  assertEquals([progress.frontier, progress.taken, progress.oldest], [7, 6, undefined]);
  const ack = [7, 8, 9].map((number) => progress.take(number, number * 10));
  ack[1]();
  assertEquals([progress.frontier, progress.inFlight, progress.oldest], [7, 3, 70]);
  ack[0]();
  assertEquals([progress.frontier, progress.inFlight, progress.oldest], [9, 1, 90]);
  ack[2]();
  assertEquals([progress.frontier, progress.inFlight, acks], [10, 0, 3]);
});

Deno.test("entries that are given up move the frontier behind those in flight only", () => {
  const progress = createProgress(0, () => {});
  assertEquals(progress.frontier, 1);
  const ack = progress.take(1, 0);
  progress.skip(5);
  assertEquals([progress.frontier, progress.taken], [1, 5]);
  ack();
  progress.skip(3);
  assertEquals([progress.frontier, progress.taken], [6, 5]);
});

import { assert, assertEquals } from "@std/assert";
import { createWriteLimit } from "../../src/pipeline/batch_limit.ts";
import { batchOf, testLane } from "../support/delivery.ts";
import { SinkError } from "../support/fake_sink.ts";
import { makeBars, makeFrames } from "../support/frames.ts";

const slow = () => new SinkError("transient", "canceling statement due to statement timeout", "57014");

/** A lane that gives up on more than 30 records after 10 s, and takes `seconds` for fewer. */
function slowLane(seconds: number) {
  let ms = 0;
  return testLane({
    now: () => ms,
    write: (records) => {
      ms += 1000 * (records.length > 30 ? 10 : seconds);
      if (records.length > 30) throw slow();
    },
  });
}

Deno.test("a batch for which the sink is too slow is written in pieces that it can take, each record once", async () => {
  using lane = slowLane(9);
  await lane.write(batchOf(...makeFrames([60, 140])));
  assertEquals(lane.sink.stored, makeBars(200));
  assertEquals(lane.letters, []);
  // 200, 100, 50: then it is known.
  assertEquals(lane.sink.attempts.map(({ length }) => length), [200, 100, 50, ...Array(8).fill(25)]);
});

Deno.test("pieces that the sink takes quickly grow, until they are too much again", async () => {
  using lane = slowLane(1);
  await lane.write(batchOf(...makeFrames([200])));
  assertEquals(lane.sink.stored, makeBars(200));
  // Each 50 is a try at more, which goes on in halves.
  assertEquals(lane.sink.attempts.map(({ length }) => length), [200, 100, ...Array(4).fill([50, 25, 25]).flat()]);
});

Deno.test("a single record for which the sink is too slow is tried again, and never dead-lettered", async () => {
  let left = 7;
  using lane = testLane({
    write: () => {
      if (left-- > 0) throw slow();
    },
  });
  await lane.write(batchOf(...makeFrames([4])));
  assertEquals(lane.sink.stored, makeBars(4));
  assertEquals(lane.letters, []);
});

Deno.test("the limit halves while writes are too slow, and doubles while they are quick", () => {
  const limit = createWriteLimit();
  assertEquals(limit.most, Infinity);
  limit.tooSlow(1000, 10);
  assertEquals(limit.most, 500);
  limit.written(500, 9);
  limit.written(20, 0.1);
  assertEquals(limit.most, 500, "neither a write that took nearly all the time nor a small rest says anything");
  limit.tooSlow(500, 10);
  limit.written(250, 2);
  assertEquals(limit.most, 500);
  for (let writes = 0; writes < 10; writes++) limit.written(limit.most, 0.1);
  assert(limit.most >= 100_000);
});

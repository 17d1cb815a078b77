import { assertEquals, assertThrows } from "@std/assert";
import { createFrame, frameSize } from "../../src/records/frame.ts";
import { makeBars, makeFrame, OPENING } from "../support/frames.ts";

Deno.test("a frame is settled once, when the last of its records is", () => {
  let settled = 0;
  const frame = makeFrame(5, { onSettled: () => settled++ });
  frame.settle(2);
  frame.settle(0);
  frame.settle(2);
  assertEquals(settled, 0);
  frame.settle(1);
  frame.settle(0);
  assertEquals(settled, 1);
});

Deno.test("what was rejected in a record's place must be settled too", () => {
  let settled = 0;
  const frame = makeFrame(2, { rejected: [{ reason: "bad", item: 1 }], onSettled: () => settled++ });
  assertEquals(frameSize(frame), 3);
  frame.settle(2);
  assertEquals(settled, 0);
  frame.settle(1);
  assertEquals(settled, 1);
});

Deno.test("more than all of a frame cannot be settled", () => {
  const frame = makeFrame(2);
  frame.settle(2);
  assertThrows(() => frame.settle(1), RangeError, "1 too many");
});

Deno.test("a frame without anybody to tell can be settled", () => makeFrame(1).settle(1));

Deno.test("a frame keeps what its provider says of it", () => {
  const records = makeBars(2);
  const frame = createFrame({
    kind: "bar",
    provider: "replay",
    receivedAt: OPENING,
    records,
    source: "a.csv",
    lines: [2, 3],
  });
  assertEquals([frame.kind, frame.provider, frame.receivedAt, frame.source], ["bar", "replay", OPENING, "a.csv"]);
  assertEquals([frame.records, frame.rejected, frame.lines], [records, [], [2, 3]]);
});

import { assertEquals, assertThrows } from "@std/assert";
import { frameSize } from "../../src/records/frame.ts";
import { frameOf, linesOf, makeBars, makeFrame, OPENING, recordsOf } from "../support/frames.ts";

Deno.test("a frame is settled once, when the last of its records is", () => {
  let settled = 0;
  const frame = makeFrame(5, { onSettled: () => settled++ });
  frame.ack("committed", 2);
  frame.ack("committed", 0);
  frame.ack("committed", 2);
  assertEquals(settled, 0);
  frame.ack("committed", 1);
  frame.ack("committed", 0);
  assertEquals(settled, 1);
});

Deno.test("the rejected items of a frame must be settled too", () => {
  let settled = 0;
  const frame = makeFrame(2, { rejected: [{ reason: "bad", item: 1 }], onSettled: () => settled++ });
  assertEquals(frameSize(frame), 3);
  frame.ack("committed", 2);
  assertEquals(settled, 0);
  frame.ack("committed", 1);
  assertEquals(settled, 1);
});

Deno.test("more than all of a frame cannot be settled", () => {
  const frame = makeFrame(2);
  frame.ack("committed", 2);
  assertThrows(() => frame.ack("committed", 1), RangeError, "1 too many");
});

Deno.test("a frame without a listener can be settled", () => makeFrame(1).ack("committed", 1));

Deno.test("a partly requeued frame is not settled", () => {
  const told: string[] = [];
  const frame = makeFrame(4, { onSettled: () => told.push("settled"), onRequeued: () => told.push("requeued") });
  frame.ack("requeued", 1);
  frame.ack("committed", 2);
  assertEquals(told, []);
  frame.ack("deadLettered", 1);
  assertEquals(told, ["requeued"]);
});

Deno.test("a frame keeps what its provider says of it", () => {
  const records = makeBars(2);
  const frame = frameOf({
    kind: "bar",
    provider: "replay",
    receivedAt: OPENING,
    records,
    source: "a.csv",
    lines: [2, 3],
  });
  assertEquals([frame.kind, frame.provider, frame.receivedAt, frame.source], ["bar", "replay", OPENING, "a.csv"]);
  assertEquals([recordsOf(frame), frame.rejected, linesOf(frame)], [records, [], [2, 3]]);
});

Deno.test("a frame that the journal has synced is safe at once, and ends with the outcome that follows", () => {
  const told: string[] = [];
  const frame = makeFrame(4, { onSettled: () => told.push("safe"), onEnded: (outcome) => told.push(outcome) });
  frame.ack("synced", 4);
  assertEquals(told, ["safe"]);
  frame.ack("committed", 3);
  frame.ack("deadLettered", 1);
  assertEquals(told, ["safe", "deadLettered"]);
  assertThrows(() => frame.ack("committed", 1), RangeError, "1 too many");
});

Deno.test("a frame ends with the worst outcome of its records", () => {
  const ends = (["committed", "journaled", "requeued", "deadLettered"] as const).map((outcome) => {
    const told: string[] = [];
    const frame = makeFrame(3, { onEnded: (end) => told.push(end) });
    frame.ack("committed", 1);
    frame.ack(outcome, 1);
    frame.ack("committed", 1);
    return told;
  });
  assertEquals(ends, [["committed"], ["journaled"], ["journaled"], ["deadLettered"]]);
});

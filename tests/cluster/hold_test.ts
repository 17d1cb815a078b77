import { assertEquals } from "@std/assert";
import { createHold, now } from "../../src/cluster/hold.ts";
import { fakeClock } from "../support/clock.ts";

Deno.test("a hold is open for its time after the heartbeat was sent, and its end is reported once", async () => {
  using clock = fakeClock();
  let ends = 0;
  const hold = createHold(1000, () => ends++);
  assertEquals(hold.isOpen(), false);
  const sentAt = now();
  await clock.tick(400);
  hold.extend(sentAt);
  await clock.tick(599);
  assertEquals([hold.isOpen(), ends], [true, 0]);
  await clock.tick(10);
  assertEquals([hold.isOpen(), ends], [false, 1]);
  await clock.tick(5000);
  assertEquals(ends, 1);
});

Deno.test("a heartbeat whose answer comes after the hold is over does not open it", async () => {
  using clock = fakeClock();
  let ends = 0;
  const hold = createHold(1000, () => ends++);
  const sentAt = now();
  await clock.tick(1000);
  hold.extend(sentAt);
  assertEquals([hold.isOpen(), ends], [false, 1]);
});

Deno.test("a hold that is ended is over at once, without a report", async () => {
  using clock = fakeClock();
  let ends = 0;
  const hold = createHold(1000, () => ends++);
  hold.extend(now());
  hold.end();
  assertEquals(hold.isOpen(), false);
  await clock.tick(5000);
  assertEquals(ends, 0);
});

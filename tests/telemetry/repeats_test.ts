import { assertEquals } from "@std/assert";
import { createRepeatGate } from "../../src/telemetry/repeats.ts";

Deno.test("the same line is let through once a minute, and then says how many there were", () => {
  let now = 0;
  const gate = createRepeatGate(() => now);
  assertEquals(gate("away"), 0);
  for (now = 1000; now < 60_000; now += 1000) assertEquals(gate("away"), undefined);
  assertEquals(gate("another"), 0);
  assertEquals(gate("away"), 59);
  assertEquals(gate("away"), undefined);
  now = 200_000;
  assertEquals(gate("away"), 1);
});

Deno.test("no more lines are remembered than a hundred, the oldest are forgotten", () => {
  const gate = createRepeatGate(() => 0);
  for (let at = 0; at < 101; at++) assertEquals(gate(`line ${at}`), 0);
  assertEquals(gate("line 100"), undefined);
  assertEquals(gate("line 0"), 0);
});

import { assert, assertEquals } from "@std/assert";
import { fakeClock } from "./support/clock.ts";
import { createCondition } from "../src/condition.ts";

Deno.test("a change resolves all that wait, once", async () => {
  const condition = createCondition();
  const resolved: string[] = [];
  const { signal } = new AbortController();
  const waits = ["a", "b"].map((name) => condition.changed(signal).then(() => resolved.push(name)));
  condition.notify();
  await Promise.all(waits);
  condition.notify();
  assertEquals(resolved, ["a", "b"]);
});

Deno.test("an abort resolves only those that wait with its signal", async () => {
  const condition = createCondition();
  const leaving = new AbortController();
  let stayed = true;
  const staying = condition.changed(new AbortController().signal).then(() => stayed = false);
  const left = condition.changed(leaving.signal);
  leaving.abort();
  await left;
  assert(stayed);
  condition.notify();
  await staying;
});

Deno.test("a signal that has aborted ends the wait at once", async () => {
  const condition = createCondition();
  await condition.changed(AbortSignal.abort());
  condition.notify();
});

Deno.test("a change between a look and the waiting is not missed", async () => {
  const condition = createCondition();
  const since = condition.changes;
  condition.notify();
  await condition.changed(undefined, since);
  assertEquals(condition.changes, since + 1);
});

Deno.test("a wait without a change ends after its time, and a change before leaves no timer", async () => {
  using clock = fakeClock();
  const condition = createCondition();
  let isOver = false;
  const waiting = condition.changed(undefined, undefined, 1000).then(() => isOver = true);
  await clock.tick(999);
  assert(!isOver);
  await clock.tick(1);
  await waiting;
  const changed = condition.changed(undefined, undefined, 1000);
  condition.notify();
  await changed;
  assertEquals(clock.timers, 0);
});

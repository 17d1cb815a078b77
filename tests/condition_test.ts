import { assert, assertEquals } from "@std/assert";
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

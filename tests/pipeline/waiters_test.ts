import { assertEquals } from "@std/assert";
import { createWaiters } from "../../src/pipeline/waiters.ts";

Deno.test("a change wakes all who wait, once", async () => {
  const waiters = createWaiters();
  const woken: string[] = [];
  const { signal } = new AbortController();
  const waits = ["a", "b"].map((name) => waiters.wait(signal).then(() => woken.push(name)));
  waiters.wakeAll();
  await Promise.all(waits);
  waiters.wakeAll();
  assertEquals(woken, ["a", "b"]);
});

Deno.test("an abort wakes only those who wait with its signal", async () => {
  const waiters = createWaiters();
  const leaving = new AbortController();
  let stayed = true;
  const staying = waiters.wait(new AbortController().signal).then(() => stayed = false);
  const left = waiters.wait(leaving.signal);
  leaving.abort();
  await left;
  assertEquals(stayed, true);
  waiters.wakeAll();
  await staying;
});

Deno.test("who waits with a signal that has aborted waits no longer", async () => {
  const waiters = createWaiters();
  await waiters.wait(AbortSignal.abort());
  waiters.wakeAll();
});

import { assertEquals } from "@std/assert";
import { createStreaming } from "../../src/cluster/streaming.ts";

/** A streaming whose changes end when the test says so. */
function manual() {
  const changes: PromiseWithResolvers<void>[] = [];
  const failures: unknown[] = [];
  const streaming = createStreaming({
    stream() {
      const change = Promise.withResolvers<void>();
      changes.push(change);
      return change.promise;
    },
    onFailed: (error) => failures.push(error),
    onChanged: () => {},
  });
  return { streaming, changes, failures };
}

Deno.test("changes of the streamed shards run one after the other, and only the last one settles", async () => {
  const { streaming, changes } = manual();
  const first = streaming.set(new Set([1]));
  const second = streaming.set(new Set([1, 2]));
  await Promise.resolve();
  assertEquals(changes.length, 1);
  changes[0].resolve();
  await first;
  assertEquals([streaming.current.state, changes.length], ["changing", 2]);
  changes[1].resolve();
  await second;
  assertEquals(streaming.current, { state: "settled", shards: new Set([1, 2]) });
});

Deno.test("the streamed shards are unknown after a failed change, until another one succeeds", async () => {
  const { streaming, changes, failures } = manual();
  const failing = streaming.set(new Set([1]));
  await Promise.resolve();
  changes[0].reject(new Error("it does not close"));
  await failing;
  assertEquals([streaming.current.state, failures.length], ["failed", 1]);
  const succeeding = streaming.set(new Set());
  await Promise.resolve();
  changes[1].resolve();
  await succeeding;
  assertEquals(streaming.current, { state: "settled", shards: new Set() });
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { merge, type MergeListener } from "../../src/pipeline/merge.ts";
import { collect, forever, manualSource, settled, sourceOf } from "../support/streams.ts";

/** A listener that notes what it is told. */
function listening(): MergeListener & { told: string[] } {
  const told: string[] = [];
  return {
    told,
    ended: (name) => void told.push(`${name} ended`),
    failed: (name, error) => void told.push(`${name} failed: ${(error as Error).message}`),
  };
}

Deno.test("merged streams give all chunks, those of each stream in their order", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.nat()), { maxLength: 6 }), async (lists) => {
    const streams = lists.map((list, at) => ({
      name: String(at),
      stream: sourceOf(list.map((value) => ({ at, value }))).stream,
    }));
    const merged = await collect(merge(streams));
    assertEquals(lists.map((_, at) => merged.filter((chunk) => chunk.at === at).map(({ value }) => value)), lists);
  }));
});

Deno.test("no streams at all end at once", async () => assertEquals(await collect(merge([])), []));

Deno.test("two streams that always have something take turns", async () => {
  const reader = merge([
    { name: "a", stream: sourceOf(forever(() => "a")).stream },
    { name: "b", stream: sourceOf(forever(() => "b")).stream },
  ]).getReader();
  let chunks = "";
  for (let at = 0; at < 20; at++) chunks += (await reader.read()).value;
  await reader.cancel();
  assert(!chunks.includes("aa") && !chunks.includes("bb"), chunks);
});

Deno.test("a stream that always has something does not starve one that seldom has", async () => {
  const slow = manualSource<string>();
  const reader = merge([
    { name: "fast", stream: sourceOf(forever(() => "fast")).stream },
    { name: "slow", stream: slow.stream },
  ]).getReader();
  for (let at = 0; at < 5; at++) assertEquals((await reader.read()).value, "fast");
  slow.give("slow");
  await settled();
  const next = [(await reader.read()).value, (await reader.read()).value];
  await reader.cancel();
  assert(next.includes("slow"), String(next));
});

Deno.test("a busy stream runs for long beside one that is quiet throughout", async () => {
  const quiet = manualSource<number>();
  const busy = sourceOf(Array.from({ length: 20_000 }, (_, at) => at));
  const reader = merge([{ name: "quiet", stream: quiet.stream }, { name: "busy", stream: busy.stream }]).getReader();
  for (let at = 0; at < 20_000; at++) assertEquals((await reader.read()).value, at);
  quiet.give(-1);
  quiet.end();
  assertEquals((await reader.read()).value, -1);
  assert((await reader.read()).done);
});

Deno.test("a merged stream without a reader holds one chunk of each stream", async () => {
  const sources = [sourceOf(forever(() => "a")), sourceOf(forever(() => "b"))];
  const merged = merge(sources.map(({ stream }, at) => ({ name: String(at), stream })));
  await settled();
  assertEquals(sources.map(({ pulled }) => pulled), [1, 1]);
  const reader = merged.getReader();
  await reader.read();
  await settled();
  assertEquals(sources.map(({ pulled }) => pulled), [2, 1]);
  await reader.cancel();
});

Deno.test("cancelling a merged stream cancels all of its streams", async () => {
  const busy = sourceOf(forever(() => "busy"));
  const quiet = manualSource<string>();
  const reader = merge([{ name: "busy", stream: busy.stream }, { name: "quiet", stream: quiet.stream }]).getReader();
  await reader.read();
  await reader.cancel("enough");
  assertEquals(await Promise.all([busy.cancelled, quiet.cancelled]), ["enough", "enough"]);
});

Deno.test("cancelling a merged stream while it waits for a chunk lets it go", async () => {
  const quiet = manualSource<string>();
  const reader = merge([{ name: "quiet", stream: quiet.stream }]).getReader();
  const pending = reader.read();
  await reader.cancel("enough");
  assertEquals(await pending, { value: undefined, done: true });
  assertEquals(await quiet.cancelled, "enough");
});

Deno.test("a stream that fails is reported and left out, and the others are read", async () => {
  const broken = manualSource<string>();
  const whole = manualSource<string>();
  const listener = listening();
  const merged = merge([{ name: "broken", stream: broken.stream }, { name: "whole", stream: whole.stream }], listener);
  broken.fail(new Error("no network"));
  whole.give("one");
  await settled();
  whole.give("two");
  whole.end();
  assertEquals(await collect(merged), ["one", "two"]);
  assertEquals(listener.told, ["broken failed: no network", "whole ended"]);
});

Deno.test("a merged stream ends, and does not fail, when all of its streams have failed", async () => {
  const broken = manualSource<string>();
  const listener = listening();
  const merged = merge([{ name: "broken", stream: broken.stream }], listener);
  broken.fail(new Error("no network"));
  assertEquals(await collect(merged), []);
  assertEquals(listener.told, ["broken failed: no network"]);
});

Deno.test("chunks of a stream before its failure are handed on", async () => {
  const broken = new ReadableStream<string>({
    pull: (controller) => controller.error(new Error("torn")),
    start: (controller) => controller.enqueue("last"),
  }, { highWaterMark: 1 });
  const reader = merge([{ name: "broken", stream: broken }]).getReader();
  assertEquals((await reader.read()).value, "last");
  assert((await reader.read()).done);
});

Deno.test("an abort cancels the streams, and held chunks are handed on", async () => {
  const busy = sourceOf(forever((at) => at));
  const quiet = manualSource<number>();
  const listener = listening();
  const abort = new AbortController();
  const merged = merge(
    [{ name: "busy", stream: busy.stream }, { name: "quiet", stream: quiet.stream }],
    listener,
    abort.signal,
  );
  await settled();
  abort.abort("deadline");
  assertEquals(await collect(merged), [0]);
  assertEquals(await Promise.all([busy.cancelled, quiet.cancelled]), ["deadline", "deadline"]);
  assertEquals(listener.told.toSorted(), ["busy ended", "quiet ended"]);
});

Deno.test("streams that are merged after the abort are cancelled at once", async () => {
  const quiet = manualSource<number>();
  const merged = merge([{ name: "quiet", stream: quiet.stream }], {}, AbortSignal.abort("deadline"));
  assertEquals(await collect(merged), []);
  assertEquals(await quiet.cancelled, "deadline");
});

Deno.test("a stream that cannot be cancelled does not keep the others from it", async () => {
  const stubborn = new ReadableStream<string>({ cancel: () => Promise.reject(new Error("no")) });
  const quiet = manualSource<string>();
  const merged = merge([{ name: "stubborn", stream: stubborn }, { name: "quiet", stream: quiet.stream }]);
  await merged.cancel("enough");
  assertEquals(await quiet.cancelled, "enough");
});

Deno.test("a stream that has another reader cannot be merged", async () => {
  const { stream } = sourceOf([1]);
  stream.getReader();
  await assertRejects(async () => await collect(merge([{ name: "taken", stream }])), TypeError);
});

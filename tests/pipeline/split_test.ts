import { assert, assertEquals, assertRejects } from "@std/assert";
import { splitByKind, type SplitOptions } from "../../src/pipeline/split.ts";
import type { Frame } from "../../src/records/frame.ts";
import { makeFrame } from "../support/frames.ts";
import { collect, forever, manualSource, settled, sourceOf } from "../support/streams.ts";

const frame = (kind: string, size = 1) => makeFrame(size, { kind });

/** The parts `bar` and `news` of a source, and what has been told of it. */
function split(source: ReadableStream<Frame>, options: Partial<SplitOptions> = {}) {
  const told: string[] = [];
  const parts = splitByKind(source, {
    kinds: ["bar", "news"],
    capacity: 10,
    abort: new AbortController().signal,
    onEnd: () => told.push("ended"),
    onFailure: (error) => told.push((error as Error).message),
    ...options,
  });
  return { bar: parts.get("bar")!, news: parts.get("news")!, told };
}

Deno.test("each kind comes out of a separate stream, in order, and all end with the source", async () => {
  const { bar, news, told } = split(sourceOf([frame("news", 3), frame("bar", 1), frame("bar", 2)]).stream);
  const [bars, others] = await Promise.all([collect(bar), collect(news)]);
  assertEquals([bars, others].map((all) => all.map(({ columns }) => columns.count)), [[1, 2], [3]]);
  assertEquals(told, ["ended"]);
});

Deno.test("a kind without a reader leaves the other its source until it holds its capacity", async () => {
  const source = sourceOf(forever((at) => frame(at % 2 === 0 ? "news" : "bar")));
  const { bar } = split(source.stream);
  const reader = bar.getReader();
  for (let at = 0; at < 9; at++) assertEquals((await reader.read()).value!.kind, "bar");
  const waiting = reader.read();
  await settled();
  const { pulled } = source;
  await settled();
  assertEquals(source.pulled, pulled);
  assert(pulled <= 20, `pulled ${pulled}`);
  await reader.cancel();
  assertEquals((await waiting).done, true);
});

Deno.test("nothing is read without a demand", async () => {
  const source = sourceOf(forever(() => frame("bar")));
  const { bar } = split(source.stream);
  await settled();
  assertEquals(source.pulled, 0);
  const reader = bar.getReader();
  await reader.read();
  await settled();
  assertEquals(source.pulled, 1);
});

Deno.test("a source that fails is reported once; its earlier frames are handed on", async () => {
  const source = manualSource<Frame>();
  const { bar, news, told } = split(source.stream);
  source.give(frame("news"));
  const reader = news.getReader();
  const ended = collect(bar);
  await settled();
  source.fail(new Error("no network"));
  assertEquals((await reader.read()).value!.kind, "news");
  assertEquals([(await reader.read()).done, await ended, told], [true, [], ["no network"]]);
});

Deno.test("an abort cancels the source, and frames already read are handed on", async () => {
  const abort = new AbortController();
  const source = manualSource<Frame>();
  const { bar, news } = split(source.stream, { abort: abort.signal });
  source.give(frame("news"));
  const bars = collect(bar);
  await settled();
  abort.abort("deadline");
  assertEquals(await source.cancelled, "deadline");
  assertEquals([(await collect(news)).length, await bars], [1, []]);
});

Deno.test("the source is cancelled with the last of its streams", async () => {
  const source = manualSource<Frame>();
  const { bar, news } = split(source.stream);
  await bar.cancel("enough");
  source.give(frame("bar"));
  source.give(frame("news"));
  const reader = news.getReader();
  assertEquals((await reader.read()).value!.kind, "news");
  await reader.cancel("enough");
  assertEquals(await source.cancelled, "enough");
});

Deno.test("a kind without a stream fails them all", async () => {
  const { bar, news } = split(sourceOf([frame("candle")]).stream);
  await Promise.all([bar, news].map((stream) => assertRejects(() => collect(stream), RangeError, "candle")));
});

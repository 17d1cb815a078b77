import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createDeadLetter } from "../../src/pipeline/dead_letter.ts";
import { locate, validate } from "../../src/pipeline/validate.ts";
import { recordKind } from "../../src/records/mod.ts";
import { createReceiveClock } from "../../src/records/record.ts";
import type { Frame } from "../../src/records/frame.ts";
import { linesOf, makeBar, makeBars, makeFrame, makeFrames, OPENING, recordsOf } from "../support/frames.ts";
import { eventLog, memoryLetters } from "../support/letters.ts";
import { collect, forever, settled, sourceOf } from "../support/streams.ts";

const unsound = (minute = 0) => makeBar({ volume: -1 }, minute);

/** A validator with its dead letters. */
function makeValidator(deadLetter?: (letters: readonly unknown[]) => Promise<boolean>) {
  const letters = memoryLetters();
  const events = eventLog();
  const stream = validate({
    kind: recordKind,
    deadLetter: deadLetter ?? createDeadLetter(letters, () => {}),
    clock: createReceiveClock(() => OPENING),
    emit: events.emit,
    now: () => OPENING,
  });
  return { letters: letters.kept, stream, events };
}

/** The frames that pass, and the letters. */
async function pass(...frames: Frame[]) {
  const { letters, stream, events } = makeValidator();
  return { passed: await collect(sourceOf(frames).stream.pipeThrough(stream)), letters, events };
}

Deno.test("invalid receive times, and those ahead of the clock, are replaced and reported; the records pass", async () => {
  const now = OPENING * 1000;
  const skewed = now + 5 * 60_000_000;
  const times = [NaN, 1e300, -1, 0.5, Date.UTC(2096, 0) * 1000, now - 1, skewed, skewed + 1];
  const bars = times.map((receivedAt, minute) => makeBar({ receivedAt }, minute - times.length));
  const { passed, letters, events } = await pass(makeFrame(bars, { receivedAt: 1e300 }), makeFrame(2));
  const found = recordsOf(passed[0]).map(({ receivedAt }) => receivedAt);
  assertEquals([found[5], found[6], letters], [now - 1, skewed, []]);
  const replaced = found.filter((receivedAt) => !times.includes(receivedAt));
  assertEquals(replaced, Array.from({ length: 6 }, (_, at) => now + 1 + at));
  assertEquals(passed[0].receivedAt, now);
  assertEquals(events.of("receive-times-replaced").map(({ count, provider }) => [count, provider]), [[6, "test"]]);
});

Deno.test("a sound frame passes unchanged", async () => {
  const frame = makeFrame(3);
  const { passed, letters } = await pass(frame);
  assert(passed[0] === frame);
  assertEquals(letters, []);
});

Deno.test("unsound records are dead-lettered with their reason, and the rest of the frame passes", async () => {
  const frame = makeFrame([makeBar({}, 0), unsound(1), makeBar({}, 2)], { source: "a.csv", lines: [2, 3, 4] });
  const { passed, letters } = await pass(frame);
  assertEquals(recordsOf(passed[0]), [makeBar({}, 0), makeBar({}, 2)]);
  assertEquals(linesOf(passed[0]), [2, 4]);
  assertEquals(letters, [{
    cause: "invalid",
    reason: "volume is negative: -1",
    kind: "bar",
    provider: "test",
    location: "a.csv:3",
    item: { ...unsound(1), ts: "2024-01-02T14:31:00.000Z" },
  }]);
});

Deno.test("records under a name that no provider has are dead-lettered, as an edge may send any", async () => {
  const names = ["\x1b[31mred", "<script>", "", "a".repeat(65), "kraken", "my feed:2"];
  const { passed, letters } = await pass(makeFrame(names.map((provider, minute) => makeBar({ provider }, minute))));
  assertEquals(recordsOf(passed[0]).map(({ provider }) => provider), ["kraken", "my feed:2"]);
  assertEquals(letters.map(({ reason }) => reason), [
    'provider has characters that no venue uses: "\\u001b[31mred"',
    'provider has characters that no venue uses: "<script>"',
    "provider is empty",
    "provider is longer than 64 characters: 65",
  ]);
});

Deno.test("items that a provider rejected are dead-lettered with the provider's reason", async () => {
  const frame = makeFrame(1, {
    source: "a.csv",
    rejected: [{ reason: "no such thing: 7", item: { raw: "7" }, line: 9 }],
  });
  const { passed, letters } = await pass(frame);
  assertEquals([passed[0].columns.count, passed[0].rejected], [1, []]);
  assertEquals(letters.map(({ reason, item, location }) => [reason, item, location]), [
    ["no such thing: 7", { raw: "7" }, "a.csv:9"],
  ]);
});

Deno.test("a frame without a sound record does not pass", async () => {
  const { passed, letters } = await pass(makeFrame([unsound(), unsound()]), makeFrame(1));
  assertEquals([passed.length, letters.length], [1, 2]);
});

Deno.test("a record with an invalid time is dead-lettered like any other", async () => {
  const { passed, letters } = await pass(makeFrame([makeBar({ ts: 1.7e21 }), makeBar()]));
  assertEquals([passed[0].columns.count, letters.length], [1, 1]);
});

Deno.test("any mix of sound and unsound records is separated, in order, and settled exactly", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.boolean(), { minLength: 1 })), async (masks) => {
    let whole = 0;
    const frames = masks.map((mask) =>
      makeFrame(mask.map((good, at) => good ? makeBar({}, at) : unsound(at)), {
        onSettled: () => whole++,
        lines: mask.keys().toArray(),
      })
    );
    const { passed, letters } = await pass(...frames);
    assertEquals(letters.length, masks.flat().filter((good) => !good).length);
    assertEquals(
      passed.map(linesOf),
      masks.map((mask) => mask.flatMap((good, at) => good ? [at] : [])).filter(({ length }) => length > 0),
    );
    for (const frame of passed) frame.ack("committed", frame.columns.count);
    assertEquals(whole, masks.length);
  }));
});

Deno.test("bad records are settled only when their letters are kept", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let reached = false;
  const { stream } = makeValidator(() => promise);
  const frame = makeFrame([unsound()], { onSettled: () => reached = true });
  const passed = collect(sourceOf([frame]).stream.pipeThrough(stream));
  await settled();
  assertEquals(reached, false);
  resolve(true);
  await passed;
  assertEquals(reached, true);
});

Deno.test("bad records whose letters cannot be kept stay unsettled, and the good ones pass", async () => {
  let reached = false;
  const { stream } = makeValidator(() => Promise.resolve(false));
  const frame = makeFrame([unsound(), makeBar()], { onSettled: () => reached = true });
  const [passed] = await collect(sourceOf([frame]).stream.pipeThrough(stream));
  passed.ack("committed", 1);
  assertEquals([passed.columns.count, reached], [1, false]);
});

Deno.test("a frame's bad records are kept in one write", async () => {
  const writes: number[] = [];
  const { stream } = makeValidator((letters) => Promise.resolve(writes.push(letters.length) > 0));
  await collect(sourceOf([makeFrame([unsound(), unsound(), unsound()])]).stream.pipeThrough(stream));
  assertEquals(writes, [3]);
});

Deno.test("a frame of an unknown kind fails the stream", async () => {
  await assertRejects(() => pass(makeFrame(makeBars(1), { kind: "candle" })), RangeError, "candle");
});

Deno.test("a validator without a reader holds two frames", async () => {
  const source = sourceOf(forever(() => makeFrame(1)));
  source.stream.pipeThrough(makeValidator().stream);
  await settled();
  assert(source.pulled <= 2, `pulled ${source.pulled}`);
});

Deno.test("nothing more is pulled while letters are being kept", async () => {
  const source = sourceOf(forever(() => makeFrame([unsound()])));
  const { stream } = makeValidator(() => new Promise(() => {}));
  const reader = source.stream.pipeThrough(stream).getReader();
  reader.read().catch(() => {});
  await settled();
  assert(source.pulled <= 3, `pulled ${source.pulled}`);
});

Deno.test("cancelling the output of the validator reaches the source", async () => {
  const source = sourceOf(forever(() => makeFrame(1)));
  const reader = source.stream.pipeThrough(makeValidator().stream).getReader();
  await reader.read();
  await reader.cancel("enough");
  assertEquals(await source.cancelled, "enough");
});

Deno.test("the last frame comes out before the end", async () => {
  const { passed } = await pass(...makeFrames([2, 3]));
  assertEquals(passed.map(({ columns }) => columns.count), [2, 3]);
});

Deno.test("a record is located as far as it is known", () => {
  assertEquals(locate("a.csv", 3), "a.csv:3");
  assertEquals(locate("a.csv", undefined), "a.csv");
  assertEquals(locate(undefined, 3), undefined);
});

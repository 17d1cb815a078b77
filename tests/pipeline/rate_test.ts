import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { PipelineEvent } from "../../src/events.ts";
import { coordinateRates, createTokenBucket } from "../../src/pipeline/rate.ts";
import { fakeClock } from "../support/clock.ts";
import { eventLog } from "../support/letters.ts";

const watermark = (kind: string, level: "high" | "low"): PipelineEvent => ({
  type: "watermark",
  kind,
  level,
  depth: 0,
  capacity: 100,
});
const circuit = (kind: string, state: "closed" | "open" | "half-open"): PipelineEvent => ({
  type: "circuit",
  kind,
  state,
  failures: 0,
});

/** How many tokens a taker gets within `seconds`, `count` at a time. */
async function takenWithin(
  seconds: number,
  perSecond: number,
  count: number,
  factor = 1,
): Promise<number> {
  using clock = fakeClock();
  const bucket = createTokenBucket(perSecond);
  bucket.factor = factor;
  const stop = new AbortController();
  let taken = 0;
  const taker = (async () => {
    while (!stop.signal.aborted) {
      await bucket.take(count, stop.signal);
      taken += count;
    }
  })().catch(() => {});
  await clock.tick(seconds * 1000);
  stop.abort();
  await taker;
  return taken;
}

for (const [perSecond, count] of [[100, 1], [100, 7], [1000, 3], [1000, 500], [10, 25], [0.5, 1]]) {
  Deno.test(`${perSecond} tokens a second are ${perSecond} on average, ${count} at a time`, async () => {
    const seconds = perSecond < 10 ? 100 : 20;
    const taken = await takenWithin(seconds, perSecond, count);
    // What a bucket gathers, and what is taken on credit at the end.
    assertAlmostEquals(taken, perSecond * seconds, Math.max(1, perSecond * 0.05) + count);
  });
}

Deno.test("the factor scales the rate", async () => {
  assertAlmostEquals(await takenWithin(20, 100, 1, 0.5), 1000, 10);
  assertAlmostEquals(await takenWithin(20, 100, 1, 0.8), 1600, 10);
});

Deno.test("a bucket gathers no more than a moment's tokens while no caller takes any", async () => {
  using clock = fakeClock();
  const bucket = createTokenBucket(100);
  await clock.tick(60_000);
  let taken = 0;
  for (; taken < 100 && clock.timers === 0; taken++) {
    bucket.take(1);
    await clock.tick(0);
  }
  assertEquals(taken, 6);
  await clock.tick(1000);
});

Deno.test("several takers of one bucket share its rate", async () => {
  using clock = fakeClock();
  const bucket = createTokenBucket(100);
  let taken = 0;
  const takers = Array.from({ length: 5 }, async () => {
    for (let at = 0; at < 100; at++, taken++) await bucket.take(1);
  });
  await clock.tick(2500);
  assertAlmostEquals(taken, 250, 10);
  await clock.tick(3000);
  await Promise.all(takers);
});

Deno.test("an unlimited bucket never waits", async () => {
  using clock = fakeClock();
  const bucket = createTokenBucket(Infinity);
  for (let at = 0; at < 100; at++) await bucket.take(1e9);
  assertEquals(clock.timers, 0);
});

Deno.test("an abort ends the wait for tokens", async () => {
  using clock = fakeClock();
  const bucket = createTokenBucket(1);
  const abort = new AbortController();
  const waiting = assertRejects(() => bucket.take(60, abort.signal), Error, "stopped");
  await clock.tick(1000);
  abort.abort(new Error("stopped"));
  await waiting;
  assertEquals(clock.timers, 0);
});

Deno.test("tokens that an abort leaves untaken go to the next taker", async () => {
  using clock = fakeClock();
  const bucket = createTokenBucket(1);
  const abort = new AbortController();
  const waiting = Promise.allSettled(Array.from({ length: 100 }, () => bucket.take(1, abort.signal)));
  await clock.tick(0);
  abort.abort(new Error("stopped"));
  await waiting;
  let taken = false;
  bucket.take(1).then(() => taken = true);
  await clock.tick(1000);
  assertEquals(taken, true);
});

Deno.test("the coordinator slows sources down by pressure, and lets them go again", () => {
  const buckets = [createTokenBucket(100), createTokenBucket(5)];
  const { emit, of } = eventLog();
  const listen = coordinateRates(buckets, emit);
  const factors = () => buckets.map(({ factor }) => factor);
  assertEquals(factors(), [1, 1]);
  listen(watermark("bar", "high"));
  assertEquals(factors(), [0.8, 0.8]);
  listen(circuit("bar", "open"));
  assertEquals(factors(), [0.5, 0.5]);
  listen(circuit("bar", "half-open"));
  assertEquals(factors(), [0.5, 0.5]);
  listen(circuit("bar", "closed"));
  assertEquals(factors(), [0.8, 0.8]);
  listen(watermark("bar", "low"));
  assertEquals(factors(), [1, 1]);
  assertEquals(of("backpressure").map(({ level, factor }) => `${level} ${factor}`), [
    "soft 0.8",
    "hard 0.5",
    "soft 0.8",
    "ok 1",
  ]);
});

Deno.test("one kind's recovery does not end the pressure of another", () => {
  const buckets = [createTokenBucket(100)];
  const listen = coordinateRates(buckets, () => {});
  listen(circuit("bar", "open"));
  listen(circuit("option", "open"));
  listen(circuit("bar", "closed"));
  assertEquals(buckets[0].factor, 0.5);
  listen(circuit("option", "closed"));
  assertEquals(buckets[0].factor, 1);
});

Deno.test("backpressure is reported when it changes, and never twice", () => {
  fc.assert(fc.property(
    fc.array(fc.oneof(
      fc.record({ kind: fc.constantFrom("bar", "option"), level: fc.constantFrom("high" as const, "low" as const) })
        .map(({ kind, level }) => watermark(kind, level)),
      fc.record({
        kind: fc.constantFrom("bar", "option"),
        state: fc.constantFrom("open" as const, "half-open" as const, "closed" as const),
      }).map(({ kind, state }) => circuit(kind, state)),
    )),
    (events) => {
      const bucket = createTokenBucket(1);
      const { emit, of } = eventLog();
      const listen = coordinateRates([bucket], emit);
      for (const event of events) listen(event);
      const levels = ["ok", ...of("backpressure").map(({ level }) => level)];
      assert(levels.every((level, at) => at === 0 || level !== levels[at - 1]));
      assertEquals(bucket.factor, { ok: 1, soft: 0.8, hard: 0.5 }[levels.at(-1)!]);
    },
  ));
});

Deno.test("other events do not concern the coordinator", () => {
  const { emit, of } = eventLog();
  coordinateRates([createTokenBucket(1)], emit)({ type: "fatal", error: new Error("no") });
  assertEquals(of("backpressure"), []);
});

Deno.test("a pause gives no caller a token, not even of an unlimited bucket, and pauses do not add up", async () => {
  for (const perSecond of [1000, Infinity]) {
    using clock = fakeClock();
    const bucket = createTokenBucket(perSecond);
    bucket.pause(5000);
    bucket.pause(3000);
    let taken = 0;
    const takes = [1, 2, 3].map(() => bucket.take(1).then(() => taken++));
    await clock.tick(4990);
    assertEquals(taken, 0);
    await clock.tick(20);
    assertEquals(taken, 3);
    await Promise.all(takes);
  }
});

Deno.test("a changed rate holds for the next caller, and leaves the factor alone", async () => {
  using clock = fakeClock();
  const bucket = createTokenBucket(1000);
  bucket.factor = 0.5;
  bucket.perSecond = 2;
  let isTaken = false;
  const take = bucket.take(1).then(() => isTaken = true);
  await clock.tick(900);
  assertEquals([isTaken, bucket.factor], [false, 0.5]);
  await clock.tick(200);
  assertEquals(isTaken, true);
  await take;
});

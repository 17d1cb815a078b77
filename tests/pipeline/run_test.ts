import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../src/records/frame.ts";
import { fakeClock } from "../support/clock.ts";
import { hang, SinkError } from "../support/fake_sink.ts";
import { testFlow } from "../support/flow.ts";
import { makeBar, makeBars, makeFrame, makeFrames, OPENING } from "../support/frames.ts";
import { forever, manualSource, settled, sourceOf } from "../support/streams.ts";

const frames = (count: number, size: number) => sourceOf(makeFrames(Array(count).fill(size)));

Deno.test("all records of the sources are stored, and the ledger balances", async () => {
  using flow = testFlow();
  await flow.run(frames(10, 7).stream, frames(3, 50).stream);
  assertEquals(flow.ledger(), {
    received: 220,
    stored: 220,
    inserted: 220,
    updated: 0,
    unchanged: 0,
    deduplicated: 0,
    deadLettered: 0,
    journaled: 0,
    inFlight: 0,
  });
  assertEquals([flow.sink.stored.length, flow.batcher.depth, flow.sink.openLanes], [220, 0, 0]);
});

Deno.test("without sources the flow ends at once", async () => {
  using flow = testFlow();
  await flow.run();
  assertEquals([flow.ledger().received, flow.sink.openLanes], [0, 0]);
});

Deno.test("each record ends in one place, under unsound input, refusals and outages", async () => {
  const fate = fc.constantFrom("good", "unsound", "refused", "rejected");
  const scenario = fc.record({
    sources: fc.array(fc.array(fc.array(fate, { minLength: 1, maxLength: 30 }), { maxLength: 8 }), { maxLength: 3 }),
    capacity: fc.integer({ min: 1, max: 60 }),
    maxRecords: fc.integer({ min: 1, max: 40 }),
    workers: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ sources, ...options }) => {
      let whole = 0;
      using flow = testFlow({
        ...options,
        write(records) {
          if (records.some(({ symbol }) => symbol === "refused")) throw new SinkError("poison");
        },
      });
      const frameOf = (fates: string[]) =>
        makeFrame(
          fates.filter((fate) => fate !== "rejected").map((fate) =>
            makeBar(fate === "unsound" ? { volume: -1 } : { symbol: fate })
          ),
          {
            rejected: fates.filter((fate) => fate === "rejected").map((item) => ({ reason: "bad", item })),
            onSettled: () => whole++,
          },
        );
      await flow.run(...sources.map((fates) => sourceOf(fates.map(frameOf)).stream));
      const fates = sources.flat(2);
      const good = fates.filter((fate) => fate === "good").length;
      const { received, stored, deadLettered, inFlight } = flow.ledger();
      assertEquals([received, stored, deadLettered, inFlight], [fates.length, good, fates.length - good, 0]);
      assertEquals([flow.imbalance(), flow.batcher.depth, whole], [0, 0, sources.flat().length]);
      assertEquals([flow.sink.stored.length, flow.letters.length], [good, fates.length - good]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("an outage in the middle of a run costs nothing but time", async () => {
  using clock = fakeClock(OPENING);
  let calls = 0;
  using flow = testFlow({
    write() {
      if (calls++ > 2 && Date.now() < OPENING + 30_000) throw new SinkError("transient");
    },
  });
  const running = flow.run(frames(50, 10).stream);
  await clock.tick(29_000);
  // A frame that found all lanes idle, and two full batches.
  assertEquals([flow.ledger().stored, flow.ledger().deadLettered], [50, 0]);
  await clock.tick(10_000);
  await running;
  assertEquals([flow.ledger().stored, flow.letters, flow.imbalance()], [500, [], 0]);
});

Deno.test("the limit is exact over several sources, and cancels them all", async () => {
  using flow = testFlow({ limit: 1234 });
  const sources = [7, 100].map((size) => sourceOf(forever(() => makeFrame(size))));
  await flow.run(...sources.map(({ stream }) => stream));
  await Promise.all(sources.map(({ cancelled }) => cancelled));
  const { received, stored, inFlight } = flow.ledger();
  assertEquals([received, stored, inFlight, flow.sink.stored.length, flow.limits], [1234, 1234, 0, 1234, 1]);
});

Deno.test("a sink that never answers lets each source be pulled only as far as the queue and the stages hold", async () => {
  using flow = testFlow({ write: hang, capacity: 100, maxRecords: 20, workers: 2 });
  const source = sourceOf(forever(() => makeFrame(10)));
  const running = flow.run(source.stream);
  // Until nothing moves any more.
  for (let before = -1; before !== source.pulled;) {
    before = source.pulled;
    for (let round = 0; round < 50; round++) await settled();
  }
  const lanes = 2 * 2 * 20;
  const stages = 6;
  assert(source.pulled * 10 <= 100 + lanes + stages * 10, `pulled ${source.pulled} frames`);
  flow.abort.abort(new Error("deadline"));
  await running;
});

Deno.test("a stop drains: when the sources close, records in flight are written", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  using flow = testFlow({ write: () => promise, maxRecords: 10 });
  const source = manualSource<Frame>();
  const running = flow.run(source.stream);
  for (const frame of makeFrames([10, 10, 10, 3])) source.give(frame);
  source.end();
  await settled();
  assert(flow.sink.stored.length === 0);
  resolve();
  await running;
  assertEquals([flow.sink.stored.length, flow.ledger().inFlight, flow.imbalance()], [33, 0, 0]);
});

Deno.test("an abort cancels the sources and dead-letters all accepted records that are not written", async () => {
  using flow = testFlow({ write: hang });
  const source = sourceOf(forever(() => makeFrame(10)));
  const running = flow.run(source.stream);
  await settled();
  flow.abort.abort(new Error("stopped before it was written"));
  await running;
  assertEquals((await source.cancelled as Error).message, "stopped before it was written");
  const { received, deadLettered, inFlight } = flow.ledger();
  assert(received > 0);
  assertEquals([deadLettered, inFlight, flow.letters.length], [received, 0, received]);
});

Deno.test("a fatal fault ends the run without losing accepted records", async () => {
  using flow = testFlow({
    write() {
      throw new SinkError("fatal", "permission denied");
    },
  });
  const source = sourceOf(forever(() => makeFrame(10)));
  await flow.run(source.stream);
  await source.cancelled;
  const { received, deadLettered, inFlight } = flow.ledger();
  assertEquals([deadLettered, inFlight, flow.imbalance()], [received, 0, 0]);
});

Deno.test("a source that fails is reported, and the others are stored to the end", async () => {
  using flow = testFlow();
  const broken = manualSource<Frame>();
  broken.fail(new Error("no network"));
  await flow.run(broken.stream, frames(10, 5).stream);
  assertEquals(flow.events.of("provider-failed").map(({ provider }) => provider), ["0"]);
  assertEquals(flow.events.of("provider-ended").map(({ provider }) => provider), ["1"]);
  assertEquals(flow.ledger().stored, 50);
});

Deno.test("a frame of a kind that no queue takes fails the run, and nothing is left open", async () => {
  using flow = testFlow();
  const source = sourceOf([makeFrame(makeBars(1), { kind: "candle" })]);
  await assertRejects(() => flow.run(source.stream), RangeError, "candle");
  assertEquals(flow.sink.openLanes, 0);
});

Deno.test("batches are written on all lanes at once, and on no more", async () => {
  let [writing, most] = [0, 0];
  using flow = testFlow({
    workers: 3,
    async write() {
      most = Math.max(most, ++writing);
      await settled();
      writing--;
    },
  });
  await flow.run(frames(100, 20).stream);
  assertEquals([most, flow.ledger().stored], [3, 2000]);
});

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createDeadLetter } from "../../src/pipeline/dead_letter.ts";
import type { Bar } from "../../src/records/bar.ts";
import { fakeClock } from "../support/clock.ts";
import { batchOf, testLane } from "../support/delivery.ts";
import { SinkError } from "../support/fake_sink.ts";
import { makeBars, makeFrame, OPENING, recordsOf } from "../support/frames.ts";
import { memoryLetters } from "../support/letters.ts";
import { settled } from "../support/streams.ts";

/** The number of a bar of {@linkcode makeBars}. */
const numberOf = (bar: Bar) => (bar.ts - OPENING) / 60_000;

/** A write that refuses every batch in which there is one of these. */
function refusing(poison: ReadonlySet<number>) {
  return (records: readonly Bar[]) => {
    const bad = records.find((record) => poison.has(numberOf(record)));
    if (bad !== undefined) throw new SinkError("poison", `number ${numberOf(bad)} is out of range`, "22003");
  };
}

/** A batch of that many, in frames of these sizes in turn, and how often each frame was settled. */
function makeBatch(size: number, frameSize: number) {
  const settlements: number[] = [];
  const frames = [];
  for (let from = 0; from < size; from += frameSize) {
    const at = settlements.push(0) - 1;
    const bars = makeBars(Math.min(frameSize, size - from), from);
    frames.push(makeFrame(bars, {
      source: "a.csv",
      lines: bars.map((bar) => numberOf(bar) + 2),
      onSettled: () => settlements[at]++,
    }));
  }
  return { batch: batchOf(...frames), settlements };
}

Deno.test("refused records are dead-lettered alone, and all others are written once", async () => {
  const scenario = fc.integer({ min: 1, max: 200 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      frameSize: fc.integer({ min: 1, max: 60 }),
      poison: fc.uniqueArray(fc.nat({ max: size - 1 }), { maxLength: 12 }),
    })
  );
  await fc.assert(
    fc.asyncProperty(scenario, async ({ size, frameSize, poison }) => {
      const bad = new Set(poison);
      using lane = testLane({ write: refusing(bad) });
      const { batch, settlements } = makeBatch(size, frameSize);
      await lane.write(batch);
      assertEquals(
        lane.letters.map(({ location }) => location),
        [...bad].sort((a, b) => a - b).map((at) => `a.csv:${at + 2}`),
      );
      assertEquals(
        lane.sink.stored.map(numberOf),
        Array.from({ length: size }, (_, at) => at).filter((at) => !bad.has(at)),
      );
      const bound = bad.size * (2 * Math.ceil(Math.log2(size)) + 1) + 1;
      assert(lane.sink.attempts.length <= bound, `${lane.sink.attempts.length} writes, at most ${bound}`);
      assert(settlements.every((times) => times === 1), "each frame settles once");
      const committed = lane.events.of("committed").reduce((sum, { count }) => sum + count, 0);
      assertEquals(committed, size - bad.size);
    }),
    { numRuns: 300 },
  );
});

for (
  const [where, poison] of [["first", [0]], ["in the middle", [32]], ["last", [63]], ["first and last", [
    0,
    63,
  ]]] as const
) {
  Deno.test(`poison that is ${where} is found`, async () => {
    using lane = testLane({ write: refusing(new Set(poison)) });
    await lane.write(makeBatch(64, 10).batch);
    assertEquals(lane.letters.map(({ item }) => (item as { volume: number }).volume - 1000), [...poison]);
    assertEquals(lane.sink.stored.length, 64 - poison.length);
  });
}

Deno.test("a batch of nothing but poison is dead-lettered whole, with one write of letters", async () => {
  const writes: number[] = [];
  using lane = testLane({
    write: refusing(new Set(Array(32).keys())),
    deadLetter: (letters) => Promise.resolve(writes.push(letters.length) > 0),
  });
  await lane.write(makeBatch(32, 32).batch);
  assertEquals([writes, lane.sink.stored], [[32], []]);
});

Deno.test("a letter has the refused record, the reason, its place and the number of attempts", async () => {
  using lane = testLane({ write: refusing(new Set([1])) });
  const { batch } = makeBatch(2, 2);
  await lane.write(batch);
  assertEquals(lane.letters, [{
    cause: "refused",
    reason: "refused by the sink: number 1 is out of range",
    sqlstate: "22003",
    kind: "bar",
    provider: "test",
    location: "a.csv:3",
    attempts: 3,
    item: { ...recordsOf(batch)[1], ts: "2024-01-02T14:31:00.000Z" },
  }]);
});

Deno.test("poison does not open the circuit", async () => {
  using lane = testLane({ write: refusing(new Set(Array(64).keys())), circuitFailures: 2 });
  await lane.write(makeBatch(64, 64).batch);
  assertEquals(lane.events.of("circuit"), []);
});

Deno.test("an outage in the middle of bisecting does not change its result", async () => {
  using clock = fakeClock();
  const refuse = refusing(new Set([5]));
  let calls = 0;
  using lane = testLane({
    write(records) {
      if (calls++ % 3 === 1) throw new SinkError("transient", "connection refused", "08006");
      refuse(records);
    },
  });
  const writing = lane.write(makeBatch(16, 4).batch);
  await clock.tick(60_000);
  await writing;
  assertEquals([lane.letters.map(({ location }) => location), lane.sink.stored.length], [["a.csv:7"], 15]);
});

Deno.test("an abort in the middle of bisecting keeps the verdicts, and dead-letters records without one", async () => {
  const refuse = refusing(new Set([0]));
  using lane = testLane({
    write(records, signal) {
      refuse(records);
      if (numberOf(records[0]) === 2) {
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      }
    },
  });
  const { batch, settlements } = makeBatch(8, 8);
  const writing = lane.write(batch);
  await settled();
  lane.abort.abort(new Error("deadline"));
  await writing;
  assertEquals(lane.sink.stored.map(numberOf), [1]);
  assertEquals(lane.letters.map(({ cause }) => cause), ["refused", ...Array(6).fill("aborted")]);
  assertEquals(settlements, [1]);
});

Deno.test("refused records settle only after their letters are kept", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  using lane = testLane({ write: refusing(new Set([0])), deadLetter: () => promise });
  const { batch, settlements } = makeBatch(2, 1);
  const writing = lane.write(batch);
  await settled();
  assertEquals(settlements, [0, 1]);
  resolve(true);
  await writing;
  assertEquals(settlements, [1, 1]);
});

Deno.test("refused records whose letters cannot be kept stay unsettled, with a report", async () => {
  using clock = fakeClock();
  const letters = memoryLetters();
  letters.failure = new Error("disk is full");
  const failures: unknown[] = [];
  using lane = testLane({
    write: refusing(new Set([0])),
    deadLetter: createDeadLetter(letters, (error) => failures.push(error)),
  });
  const { batch, settlements } = makeBatch(2, 1);
  const writing = lane.write(batch);
  await clock.tick(10_000);
  await writing;
  assertEquals([settlements, failures], [[0, 1], [letters.failure]]);
});

Deno.test("a constraint that refuses most records of a batch lies in the table: none of them is refused alone", async () => {
  using lane = testLane({
    write() {
      throw new SinkError("poison", "violates check constraint positive", "23514");
    },
  });
  const { batch } = makeBatch(300, 50);
  await lane.write(batch);
  assertEquals(lane.fatal.length, 1);
  assert(String(lane.fatal[0]).includes("which lies in the table and not in them: violates check constraint positive"));
  assertEquals([...new Set(lane.letters.map(({ cause }) => cause))].sort(), ["aborted", "fatal"]);
  assertEquals(lane.letters.length, 300);
});

Deno.test("a constraint that refuses a third of the records dead-letters those, and all else is written", async () => {
  using lane = testLane({
    write(records) {
      if (records.some((bar) => numberOf(bar) % 3 === 0)) throw new SinkError("poison", "check", "23514");
    },
  });
  const { batch } = makeBatch(600, 50);
  await lane.write(batch);
  assertEquals([lane.fatal.length, lane.letters.length, lane.sink.stored.length], [0, 200, 400]);
});

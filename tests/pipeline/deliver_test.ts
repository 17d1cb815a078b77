import { assert, assertEquals } from "@std/assert";
import type { Batch } from "../../src/pipeline/batch.ts";
import type { Frame } from "../../src/records/frame.ts";
import { fakeClock } from "../support/clock.ts";
import { batchOf, testLane } from "../support/delivery.ts";
import { hang, SinkError } from "../support/fake_sink.ts";
import { makeBars, makeFrame, makeFrames } from "../support/frames.ts";
import { settled, sourceOf } from "../support/streams.ts";

const away = () => new SinkError("transient", "connection refused", "08006");

Deno.test("a batch is written in one write", async () => {
  using lane = testLane();
  await lane.write(batchOf(...makeFrames([2, 3])));
  assertEquals(lane.sink.attempts, [makeBars(5)]);
  assertEquals(lane.letters, []);
});

Deno.test("a written batch is reported once, and a commit for each of its frames", async () => {
  using lane = testLane();
  const frames = [
    makeFrame(2, { provider: "mock", receivedAt: 7 }),
    makeFrame(3, { provider: "replay", receivedAt: 9 }),
  ];
  await lane.write(batchOf(...frames));
  const [written, ...more] = lane.events.of("batch-written");
  assertEquals([written.kind, written.worker, written.count, written.result, more], [
    "bar",
    0,
    5,
    { stored: 5, unchanged: 0, deduplicated: 0 },
    [],
  ]);
  assertEquals(lane.events.of("committed").map(({ provider, count, receivedAt }) => [provider, count, receivedAt]), [
    ["mock", 2, 7],
    ["replay", 3, 9],
  ]);
});

Deno.test("each frame settles once, and only after the commit", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  using lane = testLane({ write: () => promise });
  const reached: number[] = [];
  const frames = [0, 1].map((at) => makeFrame(2, { onSettled: () => reached.push(at) }));
  const writing = lane.write(batchOf(...frames));
  await settled();
  assertEquals(reached, []);
  resolve();
  await writing;
  assertEquals(reached, [0, 1]);
});

Deno.test("a frame that two batches share settles with the last of them", async () => {
  using lane = testLane();
  let reached = 0;
  const frame = makeFrame(5, { onSettled: () => reached++ });
  const part = (from: number, count: number): Batch => ({
    count,
    slices: [{ frame, columns: frame.columns, from, count }],
  });
  await lane.write(part(0, 3));
  assertEquals(reached, 0);
  await lane.write(part(3, 2));
  assertEquals(reached, 1);
});

Deno.test("a transient fault is retried, and every failure is reported with its meaning", async () => {
  using clock = fakeClock();
  let left = 2;
  using lane = testLane({
    write() {
      if (left-- > 0) throw away();
    },
  });
  const writing = lane.write(batchOf(makeFrame(3)));
  await clock.tick(10_000);
  await writing;
  assertEquals([lane.sink.attempts.length, lane.sink.stored.length, lane.letters], [3, 3, []]);
  assertEquals(lane.events.of("write-failed").map(({ worker, count, fault }) => [worker, count, fault]), [
    [0, 3, "transient"],
    [0, 3, "transient"],
  ]);
});

Deno.test("an outage dead-letters nothing, however long it is", async () => {
  using clock = fakeClock();
  let isAway = true;
  using lane = testLane({
    write() {
      if (isAway) throw away();
    },
  });
  const writing = lane.write(batchOf(makeFrame(3)), batchOf(makeFrame(2)));
  await clock.tick(3_600_000);
  assertEquals([lane.sink.stored.length, lane.letters], [0, []]);
  isAway = false;
  await clock.tick(2000);
  await writing;
  assertEquals([lane.sink.stored.length, lane.letters], [5, []]);
});

Deno.test("in an outage the sink is asked once a cooldown, not more", async () => {
  using clock = fakeClock();
  using lane = testLane({
    write() {
      throw away();
    },
  });
  const writing = lane.write(batchOf(makeFrame(3)));
  await clock.tick(10_000);
  const before = lane.sink.attempts.length;
  await clock.tick(60_000);
  const asked = lane.sink.attempts.length - before;
  // Between two probes lies the cooldown of 1 s and a backoff of at most 2 s.
  assert(asked <= 60 && asked >= 20, `asked ${asked} times`);
  lane.abort.abort(new Error("deadline"));
  await writing;
});

Deno.test("attempts that are used up open the circuit, even before its own count does", async () => {
  using clock = fakeClock();
  using lane = testLane({
    retryAttempts: 2,
    circuitFailures: 100,
    write() {
      throw away();
    },
  });
  const writing = lane.write(batchOf(makeFrame(1)));
  await clock.tick(100);
  assertEquals([lane.sink.attempts.length, lane.events.of("circuit").map(({ state }) => state)], [2, ["open"]]);
  lane.abort.abort(new Error("deadline"));
  await writing;
});

Deno.test("records that a source shares with other workers are left to them when the attempts are used up", async () => {
  using lane = testLane({
    write() {
      throw away();
    },
    retryAttempts: 1,
  });
  const left: number[] = [];
  const shared = (size: number): Frame => ({
    ...makeFrame(size),
    home: () => "stream",
    ack: (outcome, count) => void (outcome === "requeued" && left.push(count)),
  });
  await lane.write(batchOf(shared(2), shared(3)));
  assertEquals([left, lane.letters, lane.sink.attempts.length], [[2, 3], [], 1]);
  assertEquals(lane.events.of("circuit").map(({ state }) => state), ["open"]);
  assertEquals(lane.events.of("committed"), []);
});

Deno.test("a batch that is not wholly shared is held through an outage", async () => {
  using clock = fakeClock();
  let failures = 3;
  using lane = testLane({
    write() {
      if (failures-- > 0) throw away();
    },
    retryAttempts: 1,
  });
  const shared: Frame = { ...makeFrame(2), home: () => "stream", ack: (outcome) => assertEquals(outcome, "committed") };
  const writing = lane.write(batchOf(shared, makeFrame(3)));
  await clock.tick(60_000);
  await writing;
  assertEquals(lane.events.of("batch-written").map(({ count }) => count), [5]);
});

Deno.test("an abort leaves records in their stream, and dead-letters those that no longer have one", async () => {
  using lane = testLane({ write: hang });
  const outcomes: string[] = [];
  const frameAt = (home: "journal" | undefined): Frame => ({
    ...makeFrame(2),
    home: () => home,
    ack: (outcome, count) => void outcomes.push(`${outcome} ${count}`),
  });
  const writing = lane.write(batchOf(frameAt("journal"), frameAt(undefined)));
  await settled();
  lane.abort.abort(new Error("time is up"));
  await writing;
  assertEquals(outcomes, ["requeued 2", "deadLettered 1", "deadLettered 1"]);
  assertEquals(lane.letters.length, 2);
});

Deno.test("an abort dead-letters all unwritten records, at once, with its reason", async () => {
  using lane = testLane({ write: hang });
  let reached = 0;
  const batches = [3, 2].map((size) => batchOf(makeFrame(size, { onSettled: () => reached++ })));
  const writing = lane.write(...batches);
  await settled();
  lane.abort.abort(new Error("stopped before it was written: drain timeout of 10 s"));
  await writing;
  assertEquals(lane.letters.length, 5);
  for (const { cause, reason, sqlstate } of lane.letters) {
    assertEquals([cause, reason, sqlstate], [
      "aborted",
      "stopped before it was written: drain timeout of 10 s",
      undefined,
    ]);
  }
  assertEquals([reached, lane.sink.attempts.length], [2, 1]);
  assertEquals(lane.events.of("write-failed"), [], "a write that is given up has not failed");
});

Deno.test("an abort reaches a batch that waits behind an open circuit", async () => {
  using clock = fakeClock();
  using lane = testLane({
    write() {
      throw away();
    },
  });
  const writing = lane.write(batchOf(makeFrame(4)));
  await clock.tick(500);
  lane.abort.abort(new Error("deadline"));
  await writing;
  assertEquals(lane.letters.map(({ cause }) => cause), Array(4).fill("aborted"));
});

Deno.test("a fatal fault stops writing, is reported once, and loses nothing", async () => {
  const fault = new SinkError("fatal", 'permission denied for table "bar"', "42501");
  using lane = testLane({
    write() {
      throw fault;
    },
  });
  await lane.write(batchOf(makeFrame(3)), batchOf(makeFrame(2)));
  assertEquals(lane.fatal, [fault]);
  assertEquals(lane.sink.attempts.length, 1, "nothing is written after it");
  assertEquals(lane.letters.map(({ cause }) => cause), ["fatal", "fatal", "fatal", "aborted", "aborted"]);
  assertEquals([lane.letters[0].reason, lane.letters[0].sqlstate], [fault.message, "42501"]);
});

Deno.test("a lane whose write never ends takes one batch more, and pulls no further", async () => {
  using lane = testLane({ write: hang });
  const source = sourceOf(makeFrames([1, 1, 1, 1]).map((frame) => batchOf(frame)));
  const piping = source.stream.pipeTo(new WritableStream({ write: (batch) => lane.write(batch) }));
  await settled();
  assertEquals([source.pulled <= 2, lane.sink.attempts.length], [true, 1]);
  lane.abort.abort(new Error("deadline"));
  await piping;
});

Deno.test("closing a lane waits for its last batch, and closes its way into the sink", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  using lane = testLane({ write: () => promise });
  const writing = lane.write(batchOf(makeFrame(2)));
  const closing = lane.close();
  await settled();
  assertEquals(lane.sink.openLanes, 1);
  resolve();
  await Promise.all([writing, closing]);
  assertEquals([lane.sink.openLanes, lane.sink.stored.length], [0, 2]);
});

Deno.test("a failure to account for written records is not taken for a fault of the sink", async () => {
  using lane = testLane();
  const broken = {
    ...makeFrame(4),
    ack: () => {
      throw new RangeError("too many");
    },
  };
  const error = await lane.write(batchOf(broken)).catch((error) => error);
  assertEquals([error.message, lane.sink.attempts.length, lane.letters], ["too many", 1, []]);
});

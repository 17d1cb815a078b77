import { assert, assertEquals } from "@std/assert";
import FakeTimers from "@sinonjs/fake-timers";
import { frameSize } from "../../src/records/frame.ts";
import { numbersOf, testStage } from "../support/journal_stage.ts";
import { numbers } from "../support/numbered.ts";
import { settled } from "../support/streams.ts";

/** Waits for work on disk, which no fake clock and no promise of the test's own sees. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settled();
}

Deno.test("overflow: nothing is written while the pipeline keeps up, and frames pass unchanged", async () => {
  await using stage = await testStage();
  for (let at = 0; at < 5; at++) {
    await stage.give(60);
    const frame = (await stage.take())!;
    assertEquals(numbersOf(frame), numbers(60, at * 60));
    assertEquals([stage.ledger().inFlight, stage.settled], [60, at]);
    assert(stage.journal.health().lossWindowMs >= 0);
    frame.ack("committed", 60);
    assertEquals([stage.ledger().inFlight, stage.settled], [0, at + 1]);
  }
  assertEquals([stage.log.status.bytes, stage.events.of("journal-synced").length], [0, 0]);
  assertEquals(stage.journal.health().lossWindowMs, 0);
});

Deno.test("overflow: frames beyond memory are on disk, settled for their source, and come back in order", async () => {
  await using stage = await testStage();
  for (let at = 0; at < 20; at++) await stage.give(30);
  await until(() => stage.ledger().journaled === 600 - 120);
  // Four frames fill the capacity of 100; they are in memory and their source is not told.
  assertEquals([stage.ledger().inFlight, stage.settled], [120, 16]);
  assertEquals(await stage.drain(600), numbers(600));
  assertEquals(stage.ledger(), { ...stage.ledger(), received: 600, journaled: 0, inFlight: 0 });
  assertEquals(stage.settled, 20);
});

Deno.test("overflow: while the circuit is open frames go to disk, and older ones come before those that follow", async () => {
  await using stage = await testStage();
  await stage.give(10);
  stage.circuit("open");
  await stage.give(10);
  await stage.give(10);
  await until(() => stage.ledger().journaled === 20 || stage.ledger().inFlight === 30 && stage.settled === 2);
  stage.circuit("closed");
  await stage.give(10);
  assertEquals(await stage.drain(40), numbers(40));
  // Nothing is on disk any more: memory again.
  const { length } = stage.events.of("journal-synced");
  await stage.give(10);
  assertEquals(await stage.drain(10), numbers(10, 40));
  assertEquals(stage.events.of("journal-synced").length, length);
});

for (const mode of ["overflow", "durable"] as const) {
  Deno.test(`${mode}: sources that can wait are held back, until the circuit opens`, async () => {
    await using stage = await testStage({ mode, sourcesCanWait: true });
    const gives = Array.from({ length: 40 }, () => stage.give(50));
    let given = 0;
    for (const give of gives) give.then(() => given++, () => {});
    for (let round = 0; round < 200; round++) await settled();
    assert(given < 10, `${given} frames were taken`);
    assertEquals(stage.ledger().journaled, 0);
    stage.circuit("open");
    await until(() => given === 40);
    stage.circuit("closed");
    assertEquals(await stage.drain(2000), numbers(2000));
    assertEquals([stage.ledger().received, stage.ledger().inFlight, stage.settled], [2000, 0, 40]);
  });
}

Deno.test("durable: a frame is accepted when it is synced, and not before", async () => {
  await using real = await testStage();
  const sync = Promise.withResolvers<void>();
  await using stage = await testStage({
    mode: "durable",
    directory: real.directory,
    log: {
      ...real.log,
      status: real.log.status,
      append: (...args) => sync.promise.then(() => real.log.append(...args)),
    },
    disk: { directory: `${real.directory.path}/other` },
  });
  await stage.give(5);
  for (let round = 0; round < 50; round++) await settled();
  assertEquals([stage.ledger().received, stage.settled, stage.events.of("accepted").length], [0, 0, 0]);
  sync.resolve();
  const frame = (await stage.take())!;
  assertEquals([stage.ledger().received, stage.settled, real.log.status.entries], [5, 1, 1]);
  frame.ack("committed", 5);
  assertEquals([stage.ledger().inFlight, real.log.status.entries], [0, 0]);
});

Deno.test("durable: frames that come together are joined, synced at once, and handed on from memory", async () => {
  await using stage = await testStage({ mode: "durable", syncMs: 60_000, capacity: 10_000 });
  for (let at = 0; at < 500; at++) await stage.give(2);
  await stage.end();
  assertEquals(await stage.drain(), numbers(1000));
  // The first frame is synced at once; the others wait for the next sync, which the end asks for.
  assertEquals(stage.events.of("journal-synced").length, 2);
  assertEquals([stage.events.of("replayed"), stage.settled], [[], 500]);
  assertEquals(stage.log.status.entries, 0);
});

Deno.test("durable: frames that the pipeline does not take wait on disk, and come in order", async () => {
  await using stage = await testStage({ mode: "durable" });
  for (let at = 0; at < 50; at++) await stage.give(20);
  await until(() => stage.settled === 50);
  assertEquals(stage.ledger().received, 1000);
  assert(stage.ledger().journaled >= 800);
  assertEquals(await stage.drain(1000), numbers(1000));
  assertEquals([stage.ledger().journaled, stage.log.status.entries], [0, 0]);
});

Deno.test("the end comes after all frames, the last group and those on disk included", async () => {
  await using stage = await testStage({ syncMs: 60_000 });
  for (let at = 0; at < 30; at++) await stage.give(10);
  const [, drained] = await Promise.all([stage.end(), stage.drain()]);
  assertEquals(drained, numbers(300));
});

Deno.test("records settled in any order are removed only up to the first unsettled one", async () => {
  await using stage = await testStage({ mode: "durable", capacity: 10_000 });
  for (let at = 0; at < 3; at++) {
    await stage.give(4);
    await until(() => stage.settled === at + 1);
  }
  const frames = [await stage.take(), await stage.take(), await stage.take()].map((frame) => frame!);
  frames[2].ack("committed", 4);
  frames[0].ack("committed", 3);
  assertEquals(stage.log.status.entries, 3);
  frames[0].ack("committed", 1);
  assertEquals(stage.log.status.entries, 2);
  frames[1].ack("committed", 4);
  assertEquals(stage.log.status.entries, 0);
});

Deno.test("the frames left at an abort are on disk, in the ledger and there for the next run", async () => {
  await using stage = await testStage({ mode: "durable", capacity: 40 });
  for (let at = 0; at < 10; at++) await stage.give(20);
  await until(() => stage.settled === 10);
  const frame = (await stage.take())!;
  frame.ack("committed", 5);
  stage.abort.abort(new Error("time is up"));
  frame.ack("requeued", frameSize(frame) - 5);
  await stage.end();
  for (let next = await stage.take(); next !== undefined; next = await stage.take()) {
    next.ack("requeued", frameSize(next));
  }
  assertEquals([stage.ledger().journaled, stage.ledger().inFlight], [195, 0]);
  await stage.log[Symbol.asyncDispose]();
  await using next = await testStage({ directory: stage.directory });
  assertEquals([next.ledger().received, next.ledger().journaled], [200, 200]);
  await next.end();
  // The frame of which a part was settled is delivered whole once more.
  assertEquals(await next.drain(), numbers(200));
  assertEquals([next.ledger().journaled, next.ledger().inFlight], [0, 0]);
  assert(next.events.of("replayed").every(({ isRecovered }) => isRecovered));
});

Deno.test("frames that were in memory alone can be kept on disk", async () => {
  await using stage = await testStage();
  await stage.give(10);
  const frame = (await stage.take())!;
  assertEquals(await stage.journal.spool([frame]), true);
  frame.ack("committed", 10);
  assertEquals([stage.ledger().journaled, stage.ledger().inFlight, stage.settled], [10, 0, 1]);
});

Deno.test("nothing is accepted after an abort", async () => {
  await using stage = await testStage();
  stage.abort.abort();
  await stage.give(10);
  await stage.end();
  assertEquals([await stage.drain(), stage.ledger().received, stage.settled], [[], 0, 0]);
});

Deno.test("durable: the source hears that a frame is safe when it is synced, and its outcome when the sink has it", async () => {
  await using stage = await testStage({ mode: "durable", capacity: 10_000 });
  for (const outcome of ["committed", "deadLettered"] as const) {
    await stage.give(5);
    const frame = (await stage.take())!;
    const { settled, ended: { length } } = stage;
    frame.ack("committed", 4);
    assertEquals([stage.settled, stage.ended.length], [settled, length]);
    frame.ack(outcome, 1);
    assertEquals(stage.ended.at(-1), outcome);
  }
  assertEquals([stage.settled, stage.ended], [2, ["committed", "deadLettered"]]);
});

Deno.test("drained() resolves when the log's entries have left it, with whether all of them were committed", async () => {
  await using stage = await testStage();
  const { signal } = stage.abort;
  assertEquals(await stage.journal.drained(signal), true);
  stage.circuit("open");
  for (const outcome of ["committed", "deadLettered"] as const) {
    await stage.give(10);
    await until(() => stage.log.status.entries === 1);
    let isStored: boolean | undefined;
    const drained = stage.journal.drained(signal).then((is) => isStored = is);
    const frame = (await stage.take())!;
    assertEquals(isStored, undefined);
    frame.ack(outcome, 10);
    await drained;
    assertEquals(isStored, outcome === "committed");
  }
});

Deno.test("drained() waits for the log's entries, even if the clock is set back meanwhile", async () => {
  await using stage = await testStage();
  stage.circuit("open");
  await stage.give(10);
  await until(() => stage.log.status.entries === 1);
  const now = Date.now() - 60 * 60_000;
  const clock = FakeTimers.install({ toFake: ["Date"], now });
  using _clock = { [Symbol.dispose]: () => clock.uninstall() };
  let isOver = false;
  const drained = stage.journal.drained(stage.abort.signal).finally(() => isOver = true);
  // Whoever has not waited is over by then.
  await stage.give(10);
  await until(() => stage.log.status.entries === 2);
  assertEquals(isOver, false);
  const frame = (await stage.take())!;
  frame.ack("committed", 10);
  assertEquals(await drained, true);
});

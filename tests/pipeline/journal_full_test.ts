import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { testStage } from "../support/journal_stage.ts";
import { numbers } from "../support/numbered.ts";
import { testWhere } from "../support/skip.ts";
import { settled } from "../support/streams.ts";

/** Room for a few dozen frames. */
const SMALL = { maxBytes: 6000, segmentBytes: 1000 };

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settled();
}

Deno.test("block: a full journal blocks its sources, and continues in order when there is room", async () => {
  await using stage = await testStage({ disk: SMALL });
  let given = 0;
  const giving = (async () => {
    for (; given < 400; given++) await stage.give(10);
  })();
  await until(() => stage.journal.health().problem !== undefined);
  for (let round = 0; round < 50; round++) await settled();
  const held = given;
  assert(held < 400 && stage.log.status.bytes <= SMALL.maxBytes);
  assertStringIncludes(stage.journal.health().problem!, "its limit of 5.86 kiB");
  assertEquals(await stage.drain(4000), numbers(4000));
  await giving;
  assertEquals([stage.ledger().received, stage.ledger().dropped, stage.ledger().inFlight], [4000, undefined, 0]);
  await until(() => stage.journal.health().problem === undefined);
  const problems = stage.events.of("journal-problem").map(({ reason }) => reason !== undefined);
  assert(problems.length >= 2 && problems.every((is, at) => is === (at % 2 === 0)), `${problems}`);
});

Deno.test("a journal that is full over and over reports it once", async () => {
  await using stage = await testStage({ disk: SMALL, full: "drop-oldest", calmMs: 60_000 });
  for (let at = 0; at < 400; at++) await stage.give(10);
  await until(() => stage.events.of("journal-dropped").length > 3);
  assertEquals(stage.events.of("journal-problem").length, 1);
  assertStringIncludes(stage.journal.health().problem!, "its limit");
  stage.abort.abort();
  await stage.end();
});

Deno.test("drop-oldest: a full journal gives up the oldest records, counted, and its sources never wait", async () => {
  await using stage = await testStage({ disk: SMALL, full: "drop-oldest" });
  for (let at = 0; at < 400; at++) await stage.give(10);
  await until(() => stage.settled >= 390);
  const { received, journaled, inFlight, dropped = 0 } = stage.ledger();
  assertEquals(received, 4000);
  assert(dropped > 0 && journaled > 0);
  assertEquals(stage.events.of("journal-dropped").reduce((sum, { count }) => sum + count, 0), dropped);
  const drained = await stage.drain(inFlight + journaled);
  assertEquals(drained, [...numbers(inFlight), ...numbers(journaled, inFlight + dropped)]);
});

Deno.test("drop-oldest: records on their way whose segment is given up are not left to the journal", async () => {
  await using stage = await testStage({ mode: "durable", disk: SMALL, full: "drop-oldest", capacity: 10_000 });
  const frames: Frame[] = [];
  for (let at = 0; at < 100; at++) {
    await stage.give(10);
    frames.push((await stage.take())!);
  }
  await until(() => stage.settled === 100);
  assertEquals(stage.events.of("journal-dropped"), [], "what is on its way is not given up with its segment");
  for (const frame of frames) frame.ack(frame.home!() === "journal" ? "requeued" : "deadLettered", frameSize(frame));
  const { received, journaled, inFlight } = stage.ledger();
  assertEquals([received, inFlight], [1000, 0]);
  assert(journaled > 0 && journaled < 1000);
  await stage.end();
  await stage.log[Symbol.asyncDispose]();
  await using next = await testStage({ directory: stage.directory });
  assertEquals(next.ledger().journaled, journaled, "all that counts as journaled is on disk");
});

Deno.test("an abort ends the wait for room; accepted frames that are on no disk are handed on", async () => {
  await using stage = await testStage({ disk: SMALL });
  const giving = (async () => {
    for (let at = 0; at < 400; at++) await stage.give(10);
  })();
  await until(() => stage.journal.health().problem !== undefined);
  stage.abort.abort(new Error("time is up"));
  await giving;
  await stage.end();
  let handed = 0;
  for (let next = await stage.take(); next !== undefined; next = await stage.take()) {
    handed += frameSize(next);
    next.ack("committed", frameSize(next));
  }
  const { received, journaled, inFlight } = stage.ledger();
  assertEquals([received - journaled, inFlight], [handed, 0]);
});

Deno.test("every record is in one place after any input and any fault", async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("give" as const), count: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ type: fc.constant("take" as const), count: fc.integer({ min: 1, max: 80 }) }),
    fc.record({ type: fc.constantFrom("open" as const, "closed" as const) }),
  );
  const scenario = fc.record({
    steps: fc.array(step, { maxLength: 40 }),
    mode: fc.constantFrom("overflow" as const, "durable" as const),
    full: fc.constantFrom("block" as const, "drop-oldest" as const),
    syncMs: fc.constantFrom(0, 5),
    sourcesCanWait: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ steps, ...options }) => {
      await using stage = await testStage({ ...options, disk: SMALL });
      let last = Promise.resolve();
      let given = 0;
      const drained: number[] = [];
      for (const step of steps) {
        if (step.type === "give") {
          given += step.count;
          last = stage.give(step.count);
        } else if (step.type === "take") {
          const { inFlight, journaled } = stage.ledger();
          drained.push(...await stage.drain(Math.min(step.count, inFlight + journaled)));
        } else {
          stage.circuit(step.type);
        }
      }
      stage.circuit("closed");
      const [rest] = await Promise.all([stage.drain(), last.then(stage.end)]);
      drained.push(...rest);
      const { received, journaled, inFlight, dropped = 0 } = stage.ledger();
      assertEquals([received, journaled, inFlight], [given, 0, 0]);
      assertEquals(drained.length + dropped, given);
      assertEquals(drained, drained.toSorted((a, b) => a - b), "out of order");
      if (dropped === 0) assertEquals(drained, numbers(given));
      assertEquals(stage.log.status.entries, 0);
    }),
    { numRuns: 100 },
  );
});

/** Runs `fn` in a file system in memory of 128 KiB; tells why it cannot be had, where `fn` is not to be run then. */
async function onSmallDisk(fn: (path: string) => Promise<void>): Promise<string | undefined> {
  const path = await Deno.makeTempDir();
  const run = async (command: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command(command, { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  };
  try {
    await run("mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", path);
  } catch (error) {
    return (error as Error).message;
  }
  try {
    await fn(path);
  } finally {
    await run("umount", path);
    await Deno.remove(path);
  }
}

const missing = await onSmallDisk(async () => {});
/** What somebody else writes until the disk is full. */
const fill = (path: string) => Deno.writeFile(`${path}/other`, new Uint8Array(1 << 20)).catch(() => {});

testWhere(missing, "a disk that fills up holds the sources back, and nothing accepted is lost", async () => {
  await onSmallDisk(async (path) => {
    await using stage = await testStage({ mode: "durable", disk: { directory: path, segmentBytes: 8192 } });
    let isOver = false;
    const giving = (async () => {
      for (let at = 0; at < 20_000 && !isOver; at++) await stage.give(1);
    })();
    try {
      await until(() => stage.journal.health().problem !== undefined);
      assertStringIncludes(stage.journal.health().problem!, "full");
      await fill(path);
      const first = await stage.drain(100);
      await Deno.remove(`${path}/other`);
      assertEquals([...first, ...await stage.drain(20_000 - first.length)], numbers(20_000));
      assertEquals([stage.ledger().received, stage.ledger().inFlight, stage.ledger().journaled], [20_000, 0, 0]);
    } finally {
      isOver = true;
      stage.abort.abort();
      await giving;
    }
  });
});

testWhere(missing, "a write that a full disk cuts short leaves a whole journal", async () => {
  await onSmallDisk(async (path) => {
    await using stage = await testStage({ mode: "durable", disk: { directory: path, segmentBytes: 8192 } });
    await stage.give(10);
    await until(() => stage.settled === 1);
    // Less is free than the last look at the disk has told.
    await fill(path);
    await stage.give(100_000);
    await until(() => stage.journal.health().problem !== undefined);
    assertStringIncludes(stage.journal.health().problem!, "full");
    await Deno.remove(`${path}/other`);
    assertEquals(await stage.drain(100_010), numbers(100_010));
  });
});

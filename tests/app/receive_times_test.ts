import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { openReceiveTimes, type ReceiveTimesOptions } from "../../src/app/receive_times.ts";

const NOW = Date.UTC(2026, 5, 1);
const HOUR = 60 * 60_000;
const never = new AbortController().signal;

/** A data directory, and receive times of processes in it. */
async function openDirectory() {
  const dataDir = await Deno.makeTempDir({ prefix: "barline-times-" });
  const notices: string[] = [];
  const open = (options: Partial<ReceiveTimesOptions>) =>
    openReceiveTimes({ dataDir, warn: (message) => notices.push(message), releasedAt: 0, ...options });
  return { dataDir, notices, open, [Symbol.asyncDispose]: () => Deno.remove(dataDir, { recursive: true }) };
}

Deno.test("after a restart receive times continue from their end, also with an earlier clock", async () => {
  await using directory = await openDirectory();
  let last: number;
  {
    await using times = directory.open({ now: () => NOW });
    assert(await times.ready(never));
    last = times.clock(10) + 9;
    assertEquals(last, NOW * 1000 + 9);
  }
  await using times = directory.open({ now: () => NOW - 60_000 });
  await times.ready(never);
  assertEquals([times.clock(1), directory.notices], [last + 1, []]);
});

Deno.test("receive times continue after a killed process too: those that it may have given are reserved", async () => {
  await using directory = await openDirectory();
  const killed = directory.open({ now: () => NOW });
  await killed.ready(never);
  const first = killed.clock(1);
  // Its end never comes; the reservation does.
  const path = join(directory.dataDir, "receive-time");
  while ((await Deno.stat(path).catch(() => undefined)) === undefined) await delay(20);
  const last = killed.clock(1000) + 999;
  assert(last > first);
  const times = directory.open({ now: () => NOW - 120_000 });
  await times.ready(never);
  assert(times.clock(1) > last);
  for (const each of [killed, times]) await each[Symbol.asyncDispose]();
});

Deno.test("a process that ends does not take back what another of the same directory has reserved", async () => {
  await using directory = await openDirectory();
  const [one, other] = [directory.open({ now: () => NOW }), directory.open({ now: () => NOW + 60_000 })];
  for (const each of [one, other]) await each.ready(never);
  other.clock(1);
  one.clock(1);
  await other[Symbol.asyncDispose]();
  await one[Symbol.asyncDispose]();
  await using next = directory.open({ now: () => NOW });
  await next.ready(never);
  assert(next.clock(1) > (NOW + 60_000) * 1000);
});

Deno.test("receive times continue from the earlier clock when it is set back by an hour, with one warning", async () => {
  await using directory = await openDirectory();
  let last: number;
  {
    await using times = directory.open({ now: () => NOW + HOUR });
    await times.ready(never);
    last = times.clock(1);
  }
  await using times = directory.open({ now: () => NOW });
  await times.ready(never);
  assertEquals(times.clock(1), last + 1);
  times.after(last + 1000);
  assertEquals(times.clock(1), last + 1001);
  assertEquals(directory.notices.length, 1);
  assertStringIncludes(directory.notices[0], "Receive times reach 2026-06-01T01:00:00.000Z, and the clock says");
});

Deno.test("receive times continue after those of stored rows, unless these are days ahead", async () => {
  await using directory = await openDirectory();
  await using times = directory.open({ now: () => NOW });
  await times.ready(never);
  for (const stored of [NOW * 1000 - 5, NOW * 1000 + 7, NOW * 1000 + 3, (NOW + 25 * HOUR) * 1000]) times.after(stored);
  assertEquals([times.clock(1), directory.notices], [NOW * 1000 + 8, []]);
});

Deno.test("receive times days ahead of the clock are set aside, with a warning", async () => {
  await using directory = await openDirectory();
  {
    await using times = directory.open({ now: () => NOW + 25 * HOUR });
    await times.ready(never);
    times.clock(1);
  }
  await using times = directory.open({ now: () => NOW });
  await times.ready(never);
  assertEquals(times.clock(1), NOW * 1000);
  assertStringIncludes(directory.notices[0], "set aside as");
  assert((await Deno.stat(join(directory.dataDir, "receive-time.ahead"))).isFile);
});

Deno.test("a start waits for a clock that is not set, with one warning; a stop ends the wait", async () => {
  await using directory = await openDirectory();
  let now = 0;
  await using times = directory.open({ now: () => now, releasedAt: NOW, lookEveryMs: 1 });
  const stopped = new AbortController();
  const waits = [times.ready(never), times.ready(stopped.signal)];
  stopped.abort();
  assertEquals([await waits[1], directory.notices.length], [false, 1]);
  assertStringIncludes(directory.notices[0], "The clock says 1970-01-01T00:00:00.000Z");
  now = NOW + 1;
  assertEquals(await waits[0], true);
  assertEquals(times.clock(1), now * 1000);
});

Deno.test("no receive time is kept without a data directory", async () => {
  await using directory = await openDirectory();
  const dataDir = join(directory.dataDir, "missing");
  {
    await using times = directory.open({ dataDir, now: () => NOW });
    await times.ready(never);
    times.clock(1);
  }
  assertEquals([await Deno.stat(dataDir).catch((error) => error.name), directory.notices], ["NotFound", []]);
});

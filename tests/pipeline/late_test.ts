import { assert, assertEquals } from "@std/assert";
import { createCredit, createLateness, LATE_CREDIT, yieldToLive } from "../../src/pipeline/late.ts";
import { createLiveBuffer } from "../../src/providers/live/transport/buffer.ts";
import type { Frame } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { testFlow } from "../support/flow.ts";
import { linesOf, makeBar, makeFrame, recordsOf } from "../support/frames.ts";
import { forever, manualSource, settled, sourceOf } from "../support/streams.ts";

const MINUTE = 60_000;
const NOW = Date.UTC(2024, 5, 3, 12);
const lateness = createLateness({ afterMs: 60 * MINUTE, kind: recordKind, now: () => NOW });

/** Bars that started so many minutes ago. */
const history = (
  minutesAgo: readonly number[],
  { lines, ...init }: Partial<Frame> & { lines?: readonly number[] } = {},
): Frame => ({
  ...makeFrame(minutesAgo.map((minutes) => makeBar({ ts: NOW - minutes * MINUTE })), { lines }),
  isHistory: true,
  ...init,
});
const minutesOf = (frame: Frame | undefined) => frame && recordsOf(frame).map(({ ts }) => (NOW - ts) / MINUTE);

Deno.test("history older than the given age is late; a mixed frame is divided with its lines", () => {
  const { live, late } = lateness.split(history([5, 61, 62, 30, 9000], { lines: [1, 2, 3, 4, 5] }));
  assertEquals([minutesOf(live), live && linesOf(live)], [[5, 61, 30], [1, 2, 4]]);
  assertEquals([minutesOf(late), late && linesOf(late)], [[62, 9000], [3, 5]]);
});

Deno.test("a frame that is all of one kind stays whole, and frames of a live feed are never late", () => {
  const old = history([100, 200]);
  const young = history([1, 2]);
  assertEquals(lateness.split(old), { late: old });
  assertEquals(lateness.split(young), { live: young });
  const live = history([100, 200], { isHistory: undefined });
  assertEquals(lateness.split(live), { live });
});

Deno.test("an hour's bar is late an hour later than a minute's of the same start", () => {
  const { live } = lateness.split({
    ...makeFrame([makeBar({ ts: NOW - 100 * MINUTE, timeframe: "1h" })]),
    isHistory: true,
  });
  assert(live !== undefined);
});

Deno.test("a divided frame is settled once, with its rejected items", () => {
  let whole = 0;
  const frame = makeFrame([makeBar({ ts: NOW }), makeBar({ ts: 0 })], {
    rejected: [{ reason: "bad", item: 1 }],
    onSettled: () => whole++,
  });
  const { live, late } = lateness.split({ ...frame, isHistory: true });
  assertEquals([live!.rejected.length, late!.rejected.length], [1, 0]);
  late!.ack("committed", 1);
  live!.ack("committed", 1);
  assertEquals(whole, 0);
  live!.ack("committed", 1);
  assertEquals(whole, 1);
});

Deno.test("live bars pass by late ones whose writes hang, and all are stored in the end", async () => {
  const workers = 2;
  const hanging = Promise.withResolvers<void>();
  using flow = testFlow({
    workers,
    lateAfterMs: 60 * MINUTE,
    // The lane of late records comes after the others.
    write: (_, __, worker) => worker === workers ? hanging.promise : undefined,
  });
  const source = manualSource<Frame>();
  const running = flow.run(source.stream);
  // More than any queue holds: what may be late is bounded where it comes from.
  for (let frame = 0; frame < 10; frame++) {
    source.give({ ...makeFrame(Array.from({ length: 60 }, (_, at) => makeBar({ ts: at }))), isHistory: true });
  }
  for (let at = 0; at < 50; at++) {
    const settling = Promise.withResolvers<void>();
    source.give(makeFrame([makeBar({ ts: Date.now() })], { onSettled: settling.resolve }));
    await settling.promise;
  }
  assertEquals([flow.sink.stored.length, flow.ledger().inFlight], [50, 600]);
  hanging.resolve();
  source.end();
  await running;
  assertEquals([flow.sink.stored.length, flow.imbalance(), flow.sink.openLanes], [650, 0, 0]);
});

Deno.test("a source that can wait continues beside a live feed as its frames are settled, else without a bound", async () => {
  let isBesideLive = true;
  const given: Frame[] = [];
  const frames = sourceOf(forever(() => history(Array(1000).fill(500))));
  const reader = yieldToLive(frames.stream, lateness, () => isBesideLive).getReader();
  const take = async () => void given.push((await reader.read()).value!);
  for (let at = 0; at < LATE_CREDIT / 1000; at++) await take();
  const next = take();
  await settled();
  assertEquals(given.length, LATE_CREDIT / 1000);
  given[0].ack("committed", 1000);
  await next;
  isBesideLive = false;
  for (let at = 0; at < 10; at++) await take();
  const waiting = reader.read();
  await waiting;
  isBesideLive = true;
  const held = reader.read();
  await settled();
  await reader.cancel("enough");
  assertEquals([(await held).done, await frames.cancelled], [true, "enough"]);
});

Deno.test("late records that go back to their origin return their credit", async () => {
  const credit = createCredit(LATE_CREDIT);
  const { signal } = new AbortController();
  for (const outcome of ["requeued", "deadLettered", "journaled", "committed"] as const) {
    const frame = credit.spend(history(Array(LATE_CREDIT).fill(90)));
    assertEquals(credit.allows(1), false);
    frame.ack(outcome, LATE_CREDIT);
    await credit.wait(LATE_CREDIT, signal);
  }
});

Deno.test("live bars overtake history at the feed, and history is handed on as its frames are settled", async () => {
  const { signal } = new AbortController();
  const outlet = createLiveBuffer(10_000, () => {}, 2000);
  const reader = outlet.stream.getReader();
  const read = async () => (await reader.read()).value!;
  for (let at = 0; at < 4; at++) await outlet.put(history(Array(1000).fill(90)), signal);
  assert(outlet.offer(makeFrame([makeBar()])));
  assertEquals((await read()).isHistory, undefined);
  const first = await read();
  const second = await read();
  assertEquals([first, second].map(({ columns }) => columns.count), [1000, 1000]);
  const third = read();
  assert(outlet.offer(makeFrame([makeBar()])));
  assertEquals((await third).isHistory, undefined, "no credit is left");
  const fourth = read();
  first.ack("committed", 1000);
  assertEquals((await fourth).isHistory, true);
  outlet.end();
  const last = read();
  second.ack("committed", 1000);
  assertEquals((await last).columns.count, 1000, "what is buffered still comes at the end");
  assertEquals((await reader.read()).done, true);
});

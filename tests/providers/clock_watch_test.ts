import { assertEquals } from "@std/assert";
import type { Doubt } from "../../src/coverage/coverage.ts";
import type { PipelineEvent } from "../../src/events.ts";
import { createClockWatch } from "../../src/providers/live/clock_watch.ts";
import { createTrack, open } from "../../src/providers/live/coverage/track.ts";
import { bringForward } from "../../src/providers/live/coverage/urgency.ts";
import { createFeedClock } from "../../src/providers/live/clock.ts";
import { fakeClock } from "../support/clock.ts";
import { NOW as START, runScripted } from "../support/scripted_feed.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2024, 0, 3, 18, 30);
const doubt: Doubt = { from: NOW - 2 * MINUTE, to: NOW, reason: "hole", foundAt: NOW, dueAt: NOW, attempts: 0 };

/** A watch of a clock that a test sets. */
function watchWith(doubts: readonly Doubt[] = []) {
  const now = { skewMs: undefined as number | undefined, backMs: 0 };
  const events: PipelineEvent[] = [];
  const notices: string[] = [];
  const changed: string[] = [];
  const track = createTrack("AAPL", MINUTE, undefined);
  for (const each of doubts) open(track, each);
  const check = createClockWatch({
    provider: "alpaca",
    clock: { now: () => NOW, skewMs: () => now.skewMs, steppedBack: () => now.backMs },
    coverage: {
      inDoubt: () => [track],
      changed: ({ symbol }) => void changed.push(symbol),
      inHistoryAt: (ts) => ts + MINUTE,
    },
    emit: (event) => void events.push(event),
    warn: (message) => void notices.push(message),
  });
  return { now, events, notices, changed, track, check };
}

Deno.test("a clock that differs by over 2 s is reported once, until it is right again, and exported as it changes", () => {
  const { now, events, notices, check } = watchWith();
  for (const skewMs of [undefined, 500, 550, 2500, 1900, 2500, 100, -3000]) {
    now.skewMs = skewMs;
    check();
  }
  assertEquals(notices, [
    "the local clock is 2.5 s behind that of alpaca: synchronise it, by NTP for instance",
    "the local clock is 3.0 s ahead of that of alpaca: synchronise it, by NTP for instance",
  ]);
  assertEquals(
    events,
    [500, 2500, 1900, 2500, 100, -3000].map((skewMs) => ({ type: "clock-skew", provider: "alpaca", skewMs })),
  );
});

Deno.test("a clock that was set back is reported, and doubts that would wait for it are asked about in time", () => {
  const late = { ...doubt, dueAt: NOW + HOUR };
  const { now, notices, changed, track, check } = watchWith([late]);
  check();
  assertEquals([notices, track.coverage.doubts, changed], [[], [late], []]);
  now.backMs = HOUR;
  check();
  assertEquals(notices, [
    "the local clock was set back by 3600.0 s: doubts that would wait for it are asked about in time",
  ]);
  assertEquals(track.coverage.doubts.map(({ dueAt }) => dueAt), [NOW + 11 * MINUTE]);
  assertEquals(changed, ["AAPL"]);
});

Deno.test("a doubt is brought forward to the end of its backoff, and one that is due before stays", () => {
  const due = (given: Partial<Doubt>, readyAt = NOW) => bringForward({ ...doubt, ...given }, NOW, readyAt).dueAt - NOW;
  assertEquals(due({ dueAt: NOW + HOUR }), 10 * MINUTE);
  assertEquals(due({ dueAt: NOW + HOUR }, NOW + 15 * MINUTE), 25 * MINUTE);
  assertEquals(due({ dueAt: NOW + 3 * HOUR, attempts: 3 }), 15 * MINUTE);
  assertEquals(due({ dueAt: NOW + 14 * MINUTE, attempts: 3 }), 14 * MINUTE);
  assertEquals(due({ dueAt: NOW + 3 * HOUR, reason: "denied" }), 3 * HOUR);
  assertEquals(due({ dueAt: NOW + 30 * HOUR, reason: "denied" }), 24 * HOUR);
  assertEquals(due({ dueAt: Infinity }), Infinity);
});

Deno.test("a running feed reports its clock every five seconds", async () => {
  using time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  const run = await runScripted({ newest: { "BTC/USD": 0 }, clock });
  clock.vendorSaid(START + 3000);
  await time.tick(5000);
  assertEquals(run.events.filter(({ type }) => type === "clock-skew"), [
    { type: "clock-skew", provider: "kraken", skewMs: 3000 },
  ]);
  assertEquals(run.notices, [
    "the local clock is 3.0 s behind that of kraken: synchronise it, by NTP for instance",
  ]);
  await run.stop();
});

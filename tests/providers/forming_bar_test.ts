import { assertEquals } from "@std/assert";
import { createFormingBars, type Pace } from "../../src/providers/live/forming_bar.ts";
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { fakeClock } from "../support/clock.ts";

const MINUTE = 60_000;
const START = Date.UTC(2026, 9, 19, 14);

/** A closer at the beginning of a minute; `send` moves to these seconds and sends a state at each. */
function open(clock: ReturnType<typeof fakeClock>, pace: Pace) {
  const final: number[] = [];
  const corrections: number[] = [];
  const doubts: number[] = [];
  const closer = createFormingBars({
    stepMs: MINUTE,
    closeAfterMs: 1000,
    provisional: false,
    pace,
    emit: (bars) => {
      for (const { status, volume } of bars) (status === "final" ? final : corrections).push(volume);
    },
    doubt: (_, from, to) => doubts.push((from - START) / MINUTE, (to - START) / MINUTE),
  });
  async function send(...seconds: number[]): Promise<void> {
    for (const second of seconds) {
      await clock.tick(START + second * 1000 - clock.now);
      closer.update(state(second));
    }
  }
  return { closer, final, corrections, doubts, send };
}

/** The state of a bar at that second: its volume is the second of its minute. */
function state(second: number): FeedBar {
  const ts = START + Math.floor(second / 60) * MINUTE;
  const prices = { open: 1, high: 1, low: 1, close: 1 };
  return { symbol: "AAPL", timeframe: "1m", ts, ...prices, volume: second % 60, status: "final" };
}

const every = (stepSeconds: number, from: number, to: number) =>
  Array.from({ length: Math.ceil((to - from) / stepSeconds) }, (_, at) => from + at * stepSeconds);

const STEADY: Pace = { quietMs: 13_000 };
const BY_TRADES: Pace = { quietMs: 15_000, times: 10 };

for (const [name, pace, stepSeconds] of [["steady", STEADY, 5], ["of trades", BY_TRADES, 1]] as const) {
  Deno.test(`states ${name} up to the end of their bar leave it in no doubt`, async () => {
    using clock = fakeClock(START);
    const { closer, doubts, send } = open(clock, pace);
    await send(...every(stepSeconds, 2, 300));
    assertEquals(doubts, []);
    closer.stop();
  });

  Deno.test(`states ${name} that end at :22 leave their bar in doubt when the next begins`, async () => {
    using clock = fakeClock(START);
    const { closer, final, doubts, send } = open(clock, pace);
    // A late clock does not close the first bar.
    await send(...every(stepSeconds, 2, 23), 60.5);
    assertEquals([final.length, doubts], [1, [0, 1]]);
    closer.stop();
  });

  Deno.test(`states ${name} that end at :22 leave their bar in doubt when its time is over`, async () => {
    using clock = fakeClock(START);
    const { closer, final, doubts, send } = open(clock, pace);
    await send(...every(stepSeconds, 2, 23));
    await clock.tick(MINUTE);
    assertEquals([final.length, doubts], [1, [0, 1]]);
    closer.stop();
  });
}

Deno.test("a bar that the clock has closed is in doubt where its feed ends before the next bar begins", async () => {
  using clock = fakeClock(START);
  const { closer, final, doubts, send } = open(clock, STEADY);
  await send(...every(5, 2, 60));
  await clock.tick(8_000);
  assertEquals([final.length, doubts], [1, []]);
  closer.stop();
  assertEquals(doubts, [0, 1]);
});

Deno.test("a bar that the clock has closed is whole once a state of the next one has come", async () => {
  using clock = fakeClock(START);
  const { closer, doubts, send } = open(clock, STEADY);
  await send(...every(5, 2, 60), 64);
  closer.stop();
  assertEquals(doubts, []);
});

Deno.test("a late state of a bar that the clock has closed is not a correction, and leaves it in doubt", async () => {
  using clock = fakeClock(START);
  const { closer, final, corrections, doubts, send } = open(clock, STEADY);
  await send(50);
  await clock.tick(12_000);
  closer.update(state(55));
  assertEquals([final, corrections, doubts], [[50, 55], [], []]);
  closer.stop();
  assertEquals(doubts, [0, 1]);
});

Deno.test("a state of a bar is a correction once a later bar has begun", async () => {
  using clock = fakeClock(START);
  const { closer, final, corrections, send } = open(clock, STEADY);
  await send(50, 62);
  closer.update(state(55));
  assertEquals([final, corrections], [[50], [55]]);
  closer.stop();
});

Deno.test("one state of a steady feed may be left out before the end of a bar, not two", async () => {
  using clock = fakeClock(START);
  const { closer, doubts, send } = open(clock, STEADY);
  await send(...every(6, 0, 50), 60);
  assertEquals(doubts, []);
  await send(...every(6, 66, 108), 120.5);
  assertEquals(doubts, [1, 2]);
  closer.stop();
});

Deno.test("a symbol that trades once in a while is in no doubt for it where states come with trades", async () => {
  using clock = fakeClock(START);
  const { closer, final, doubts, send } = open(clock, BY_TRADES);
  await send(10, 70, 95, 190, 240, 310);
  assertEquals([final.length, doubts], [4, []]);
  closer.stop();
});

Deno.test("a bar that is whole by another word is in no doubt", async () => {
  using clock = fakeClock(START);
  const { closer, doubts, send } = open(clock, STEADY);
  await send(2);
  await clock.tick(57_000);
  closer.finished([state(59)]);
  await clock.tick(MINUTE);
  assertEquals(doubts, []);
  closer.stop();
});

import { assertEquals } from "@std/assert";
import type { FinalOutcome } from "../../src/records/frame.ts";
import { fakeClock } from "../support/clock.ts";
import { BAR, barBefore, MINUTE, NOW, runScripted, type Script } from "../support/scripted_feed.ts";
import { recordsOf } from "../support/frames.ts";

const SYMBOL = "BTC/USD";

/** Runs a feed whose bars have the outcome that `given.current` is. */
async function runWith(given: { current: FinalOutcome }, script: Partial<Script> = {}) {
  const drains: PromiseWithResolvers<boolean>[] = [];
  const run = await runScripted({
    newest: { [SYMBOL]: 0 },
    answer: () => [[barBefore(0, SYMBOL)]],
    outcome: () => given.current,
    drained() {
      drains.push(Promise.withResolvers());
      return drains.at(-1)!.promise;
    },
    ...script,
  });
  const { session } = run.connections[0];
  session.subscribed(SYMBOL);
  /** What is known, in minutes after the bar under way at the start. */
  const known = () => {
    const { confirmed = [], doubts = [] } = run.track(SYMBOL) ?? {};
    return {
      confirmed: confirmed.map(([, to]) => (to - BAR) / MINUTE),
      doubts: doubts.filter(({ reason }) => reason !== "interrupted")
        .map(({ from, to, reason }) => `${reason} ${(from - BAR) / MINUTE}-${(to - BAR) / MINUTE}`),
    };
  };
  return { ...run, session, known, drains };
}

Deno.test("a bar in the journal confirms nothing until the journal is drained", async () => {
  using clock = fakeClock(NOW);
  const given: { current: FinalOutcome } = { current: "committed" };
  const run = await runWith(given);
  run.session.emit([barBefore(0, SYMBOL)]);
  await clock.tick(MINUTE);
  assertEquals(run.known(), { confirmed: [1], doubts: [] });
  given.current = "journaled";
  for (const minute of [1, 2, 3]) {
    run.session.emit([barBefore(-minute, SYMBOL)]);
    await clock.tick(MINUTE);
  }
  assertEquals(run.known(), { confirmed: [1], doubts: ["journaled 1-4"] });
  const { length } = run.asked;
  await clock.tick(60 * MINUTE);
  // The watch over silent symbols asks for what comes after them.
  assertEquals(run.asked.slice(length).filter(({ from }) => from > -4), []);
  run.drains[0].resolve(true);
  await clock.tick(1);
  // The first drain began with the first bar: the others are waited for with the next.
  assertEquals(run.known(), { confirmed: [2], doubts: ["journaled 2-4"] });
  run.drains[1].resolve(true);
  await clock.tick(1);
  assertEquals(run.known(), { confirmed: [4], doubts: [] });
  await run.stop();
  assertEquals(run.store.known.get(SYMBOL)!.confirmed.at(-1)![1], BAR + 4 * MINUTE);
});

Deno.test("bars of a journal that gave some up are asked for of history", async () => {
  using clock = fakeClock(NOW);
  const given: { current: FinalOutcome } = { current: "journaled" };
  const run = await runWith(given, { answer: () => [[0, 1, 2].map((at) => barBefore(-at, SYMBOL))] });
  for (const minute of [0, 1, 2]) {
    run.session.emit([barBefore(-minute, SYMBOL)]);
    await clock.tick(MINUTE);
  }
  given.current = "committed";
  const before = run.bars.length;
  for (const each of run.drains) each.resolve(false);
  await clock.tick(2 * MINUTE);
  for (const each of run.drains) each.resolve(false);
  await clock.tick(15 * MINUTE);
  assertEquals(run.bars.slice(before).map(({ ts }) => (ts - BAR) / MINUTE).sort().slice(0, 3), [0, 1, 2]);
  assertEquals(run.known(), { confirmed: [3], doubts: [] });
  await run.stop();
});

Deno.test("a bar among the dead letters stays in doubt, and history is asked for it no more than once a day", async () => {
  using clock = fakeClock(NOW);
  const given: { current: FinalOutcome } = { current: "committed" };
  const run = await runWith(given, {
    outcome: (frame) => recordsOf(frame).some(({ ts }) => ts === BAR) ? "deadLettered" : "committed",
    answer: () => [[barBefore(0, SYMBOL), barBefore(-1, SYMBOL)]],
  });
  run.session.emit([barBefore(0, SYMBOL)]);
  await clock.tick(MINUTE);
  run.session.emit([barBefore(-1, SYMBOL)]);
  await clock.tick(10 * MINUTE);
  assertEquals(run.known(), { confirmed: [0, 2], doubts: ["refused 0-1"] });
  const { length } = run.asked;
  await clock.tick(20 * 60 * MINUTE);
  // The watch over silent symbols asks for what comes after them.
  assertEquals(run.asked.slice(length).filter(({ from }) => from > -2), []);
  await run.stop();
  assertEquals(run.store.known.get(SYMBOL)!.doubts[0].reason, "refused");
});

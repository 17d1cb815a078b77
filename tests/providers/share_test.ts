import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { AT_MOST_AHEAD, createShare, FIRST_LOOKS, type Purpose } from "../../src/providers/live/history/share.ts";
import { fakeClock } from "../support/clock.ts";
import { barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

const HOUR = 60 * MINUTE;

Deno.test("the day's requests are a limit for urgent repairs too, which take nothing of the share", () => {
  let now = 0;
  const share = createShare({ perSecond: () => 10, part: () => 0.1, perDay: 6, now: () => now });
  for (let request = 0; request < 3; request++) share.begin("urgent");
  assertEquals([share.waitMs(), share.waitMs("urgent")], [0, 0]);
  for (let request = 0; request < 3; request++) share.begin();
  assertEquals([share.waitMs(), share.waitMs("urgent")], [Infinity, Infinity]);
  now = 24 * HOUR;
  assertEquals([share.waitMs(), share.waitMs("urgent")], [0, 0]);
});

Deno.test("a share of 0 leaves urgent repairs alone", () => {
  const share = createShare({ perSecond: () => 10, part: () => 0 });
  assertEquals([share.waitMs(), share.waitMs("urgent")], [Infinity, 0]);
});

Deno.test("first looks do not wait for the share until there are many, and later requests pay them back", () => {
  const share = createShare({ perSecond: () => 1, part: () => 0.1, now: () => 0 });
  for (let look = 0; look < FIRST_LOOKS; look++) {
    assertEquals(share.waitMs("first"), 0);
    share.begin("first");
  }
  // As after a time without any, and each pays back a quarter.
  for (let look = 0; look < 3; look++) share.begin("first");
  assertEquals([share.waitMs("first"), share.waitMs(), share.waitMs("urgent")], [17_500, 17_500, 0]);
});

Deno.test("a question that sends further requests is charged for each, and one that sends none is taken back", () => {
  const share = createShare({ perSecond: () => 1, part: () => 0.1, now: () => 0 });
  share.begin().cancel();
  assertEquals(share.waitMs(), 0);
  const { onRequest } = share.begin();
  for (let request = 0; request < 4; request++) onRequest();
  assertEquals(share.waitMs(), 20_000);
});

Deno.test("over any time the requests that are not urgent are what the share earns and a few ahead", () => {
  const steps = fc.array(
    fc.record({
      waitMs: fc.integer({ min: 0, max: 30_000 }),
      purpose: fc.constantFrom<Purpose>("urgent", "first", "pressing", "ordinary"),
      isCancelled: fc.boolean(),
    }),
    { minLength: 300, maxLength: 600 },
  );
  fc.assert(fc.property(steps, (steps) => {
    let now = 0;
    let requests = 0;
    const share = createShare({ perSecond: () => 1, part: () => 0.1, now: () => now });
    for (const { waitMs, purpose, isCancelled } of steps) {
      now += waitMs;
      if (share.waitMs(purpose) > 0) continue;
      const question = share.begin(purpose);
      if (isCancelled) question.cancel();
      else if (purpose !== "urgent") requests++;
      assert(requests <= now / 10_000 + AT_MOST_AHEAD, `${requests} requests after ${now} ms`);
    }
  }));
});

Deno.test("no more requests for repairs are made a day than allowed, also after an outage", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "BTC/USD": 5, "ETH/USD": 5, "XRP/USD": 5 },
    answer: ({ from, to, symbols }) => [
      Array.from({ length: from - to + 1 }, (_, at) => barBefore(from - at, symbols[0])),
    ],
    options: { repairsPerDay: 2, stallMs: Infinity },
  });
  for (const symbol of run.feed.symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(2 * MINUTE);
  assertEquals(run.asked.length, 2);
  await run.stop();
});

for (const sweeps of [true, false]) {
  Deno.test(`the missing minutes of a thin symbol are ${sweeps ? "" : "not "}asked about ${sweeps ? "with" : "without"} a sweep`, async () => {
    using clock = fakeClock(NOW);
    const run = await runScripted({
      newest: { "BTC/USD": 0 },
      answer: () => [[barBefore(0), barBefore(-9)]],
      options: { sweeps, stallMs: Infinity },
    });
    const { session } = run.connections[0];
    session.subscribed("BTC/USD");
    await clock.tick(10 * MINUTE);
    session.emit([barBefore(0)]);
    await clock.tick(1000);
    const before = run.asked.length;
    session.emit([barBefore(-9)]);
    await clock.tick(11 * MINUTE);
    assertEquals(run.asked.length > before, sweeps, `${before}, ${run.asked.length}`);
    await run.stop();
  });
}

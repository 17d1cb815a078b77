import { assertAlmostEquals, assertEquals } from "@std/assert";
import FakeTimers from "@sinonjs/fake-timers";
import { createLedger } from "../../src/pipeline/ledger.ts";
import { createOverview, SAMPLE_SECONDS } from "../../src/telemetry/overview.ts";

const LEDGER = createLedger().read();

function open(ledger = LEDGER) {
  const clock = FakeTimers.install({ toFake: ["setInterval", "clearInterval", "Date"], now: 1_000_000 });
  const overview = createOverview({
    health: () => ({
      coordinators: [{
        kind: "bar",
        workers: 4,
        workersAlive: 4,
        queue: { size: 7, capacity: 100 },
        late: 0,
        circuit: "closed",
      }],
      providers: [{ name: "mock", state: "up" }],
      stopping: false,
    }),
    ledger: () => ledger,
    deadLettersWaiting: () => Promise.resolve(3),
    version: "1.2.3",
  });
  return {
    overview,
    tick: (ms: number) => clock.tick(ms),
    [Symbol.dispose]() {
      overview[Symbol.dispose]();
      clock.uninstall();
    },
  };
}

Deno.test("rates are those of the last ten seconds, samples those of their five", async () => {
  using run = open();
  const { overview } = run;
  for (let second = 0; second < 30; second++) {
    // 100 a second at first, then none.
    if (second < 20) overview.listen({ type: "accepted", kind: "bar", provider: "mock", count: 100 });
    run.tick(1000);
  }
  assertEquals((await overview.read()).rate.received, 0);
  assertEquals(overview.samples().map(({ received }) => received), [100, 100, 100, 100, 0, 0]);
  assertEquals(overview.samples()[0].queued, 7);
  overview.listen({ type: "accepted", kind: "bar", provider: "mock", count: 50 });
  assertEquals((await overview.read()).rate.received, 5);
});

Deno.test("samples reach back a quarter of an hour and no further", () => {
  using run = open();
  run.tick(20 * 60 * 1000);
  assertEquals(run.overview.samples().length, 15 * 60 / SAMPLE_SECONDS);
});

Deno.test("latencies of the last minute count, older ones are forgotten", async () => {
  using run = open();
  const { overview } = run;
  const commit = (ms: number) =>
    overview.listen({
      type: "committed",
      kind: "bar",
      provider: "mock",
      count: 10,
      receivedAt: (Date.now() - ms) * 1000,
    });
  commit(500);
  assertAlmostEquals((await overview.read()).latencyMs.p99, 500, 20);
  for (let second = 0; second < 90; second++) {
    run.tick(1000);
    commit(4);
  }
  assertAlmostEquals((await overview.read()).latencyMs.p99, 4, 0.2);
});

Deno.test("a provider's line shows its state, its losses and the repairs of history", async () => {
  using run = open();
  const { listen, read } = run.overview;
  listen({ type: "feed-state", provider: "mock", state: "live" });
  listen({ type: "feed-lost", provider: "mock", reason: "stall", error: new Error("silent") });
  listen({ type: "accepted", kind: "bar", provider: "mock", count: 2 });
  const [{ name, state, reconnects, lastLoss, received, lastReceivedAt }] = (await read()).providers;
  assertEquals([name, state, reconnects, lastLoss, received, lastReceivedAt], ["mock", "live", 1, "stall", 2, 1000]);
});

Deno.test("records that the ledger cannot account for are shown", async () => {
  using run = open({ ...LEDGER, received: 10, stored: 7, inFlight: 2 });
  const { unaccounted, deadLettersWaiting, version } = await run.overview.read();
  assertEquals([unaccounted, deadLettersWaiting, version], [1, 3, "1.2.3"]);
});

Deno.test("minutes in doubt are the last ones reported, over all reasons", async () => {
  using run = open();
  const { overview } = run;
  const doubts = { type: "doubts", provider: "mock", series: 1, delayMs: 0 } as const;
  const inDoubt = async () => (await overview.read()).providers.map(({ doubtMinutes }) => doubtMinutes);
  assertEquals(await inDoubt(), [undefined]);
  overview.listen({ ...doubts, minutes: { hole: 3, lag: 1 } });
  assertEquals(await inDoubt(), [4]);
  overview.listen({ ...doubts, minutes: {}, series: 0 });
  assertEquals(await inDoubt(), [0]);
});

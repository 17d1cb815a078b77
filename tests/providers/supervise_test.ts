import { assert, assertEquals } from "@std/assert";
import { FeedError, type FeedErrorReason } from "../../src/providers/live/feed.ts";
import { fakeClock } from "../support/clock.ts";
import { barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

type Run = Awaited<ReturnType<typeof runScripted>>;

/** Makes every random number `value` until it is disposed. */
function fixRandom(value: number): Disposable {
  const { random } = Math;
  Math.random = () => value;
  return { [Symbol.dispose]: () => void (Math.random = random) };
}

/** Milliseconds until the feed connects again, to a tenth of a second. */
async function waitFor(clock: { tick(ms: number): Promise<void> }, run: Run, at: number): Promise<number> {
  let waited = 0;
  for (; run.connections.length <= at; waited += 100) {
    if (waited > 10 * MINUTE) throw new Error("it does not connect again");
    await clock.tick(100);
  }
  return waited;
}
const lost = (reason: FeedErrorReason = "closed", cooldownMs = 0) => new FeedError("lost", { reason, cooldownMs });

Deno.test("the wait between connections is a random part of one that doubles up to a minute", async () => {
  using clock = fakeClock(NOW);
  for (const part of [0.5, 0.999]) {
    using _random = fixRandom(part);
    const run = await runScripted({ newest: { "BTC/USD": 0 } });
    const waits: number[] = [];
    for (let at = 0; at < 9; at++) {
      run.connections[at].end(lost());
      waits.push(await waitFor(clock, run, at + 1));
    }
    const wanted = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000 * part);
    for (const [at, ms] of waits.entries()) assert(Math.abs(ms - wanted[at]) <= 200, `${at}: ${ms}, not ${wanted[at]}`);
    await run.stop();
  }
});

Deno.test("neither a connection nor heartbeats nor history make the wait small again, ten seconds of data do", async () => {
  using clock = fakeClock(NOW);
  using _random = fixRandom(1);
  const run = await runScripted({
    newest: { "BTC/USD": 5 },
    answer: ({ from }) => from > 0 ? [[barBefore(from)]] : [],
  });
  async function fail(at: number, act: (run: Run) => Promise<void>): Promise<number> {
    await act(run);
    run.connections[at].end(lost());
    return await waitFor(clock, run, at + 1);
  }
  const subscribed = (at: number) => run.connections[at].session.subscribed("BTC/USD");
  const emit = (at: number) => run.connections[at].session.emit([barBefore(-2)]);
  const waits = [
    await fail(0, async () => {
      subscribed(0);
      await clock.tick(30 * MINUTE);
    }),
    await fail(1, async () => {
      subscribed(1);
      emit(1);
      // Data for nine seconds, and then nothing but heartbeats.
      await clock.tick(9000);
      emit(1);
      await clock.tick(30 * MINUTE);
    }),
    await fail(2, async () => {
      subscribed(2);
      for (let second = 0; second < 10; second++) {
        run.connections[2].session.reject({ nonsense: true }, "message is no bar");
        run.connections[2].session.emit([{ ...barBefore(0), symbol: "WHAT/USD" }]);
        run.connections[2].session.alive("WHAT/USD");
        await clock.tick(5000);
      }
    }),
    await fail(3, async () => {
      subscribed(3);
      emit(3);
      await clock.tick(10_000);
      emit(3);
    }),
    await fail(4, async () => {}),
  ];
  assertEquals(waits.map((ms) => Math.round(ms / 1000)), [1, 2, 4, 1, 2]);
  await run.stop();
});

Deno.test("a wait that the error asks for comes before the random one", async () => {
  using clock = fakeClock(NOW);
  using _random = fixRandom(0.5);
  const run = await runScripted({ newest: { "BTC/USD": 0 } });
  run.connections[0].end(lost("connection-limit", 90_000));
  assertEquals(await waitFor(clock, run, 1), 90_500);
  await run.stop();
});

Deno.test("a fatal error ends the feed with that error", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 } });
  const fatal = new FeedError("the key is wrong: set another", { isFatal: true });
  run.connections[0].end(fatal);
  assertEquals(await run.reading, fatal);
  await clock.tick(10 * MINUTE);
  assertEquals(run.connections.length, 1);
  const states = run.events.flatMap((event) => event.type === "feed-state" ? [event.state] : []);
  assertEquals(states, ["connecting", "failed"]);
  await run.stop();
});

Deno.test("an error of another origin is retried like a feed's own", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 } });
  run.connections[0].end(new TypeError("a bug"));
  await waitFor(clock, run, 1);
  assertEquals(run.losses(), ["error"]);
  await run.stop();
});

Deno.test("a stop while it waits ends it at once", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 } });
  run.connections[0].end(lost("connection-limit", 90_000));
  await clock.tick(1);
  await run.stop();
  assertEquals(await run.reading, undefined);
});

Deno.test("bars of symbols that were not requested are rejected, and not remembered", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 } });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  session.subscribed("OTHER/USD");
  session.emit([barBefore(1), { ...barBefore(1), symbol: "OTHER/USD" }]);
  await clock.tick(2 * MINUTE);
  assertEquals(run.bars.map(({ symbol }) => symbol), ["BTC/USD"]);
  assertEquals(run.rejected, ["symbol was not asked for"]);
  assertEquals(run.asked.flatMap(({ symbols }) => symbols).includes("OTHER/USD"), false);
  await run.stop();
  assertEquals(run.store.known.has("OTHER/USD"), false);
});

Deno.test("bars are reported by their kind, with the start of the newest that is not in the future", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 } });
  run.connections[0].session.emit([
    barBefore(2),
    { ...barBefore(3), status: "correction" },
    { ...barBefore(0), status: "provisional" },
    barBefore(-1_000_000),
  ]);
  await clock.tick(1);
  const [told] = run.events.filter(({ type }) => type === "bars");
  assertEquals(told, {
    type: "bars",
    source: "live",
    provider: "kraken",
    counts: { final: 1, provisional: 1, correction: 1 },
    newest: barBefore(0).ts,
  });
  await run.stop();
});

Deno.test("a pipeline that is too slow drops the connection, and history fills in the bars", async () => {
  using clock = fakeClock(NOW);
  let commit = Promise.resolve();
  const run = await runScripted({
    newest: { "BTC/USD": 10 },
    options: { bufferRecords: 20, backoffMs: 1 },
    commit: () => commit,
    *answer({ from, to }) {
      for (let minute = from; minute > to; minute--) yield [barBefore(minute)];
    },
  });
  const [{ session }] = run.connections;
  session.subscribed("BTC/USD");
  await clock.tick(2 * MINUTE);
  const stuck = Promise.withResolvers<void>();
  commit = stuck.promise;
  // One is being committed, twenty fit, and then there is no room; what comes after must not hide that.
  for (let minute = -1; minute > -30; minute--) session.emit([barBefore(minute)]);
  await clock.tick(30 * MINUTE);
  assertEquals([session.signal.aborted, run.losses(), run.connections.length], [true, ["overflow"], 1]);
  commit = Promise.resolve();
  stuck.resolve();
  await clock.tick(1000);
  session.emit([barBefore(-30)]);
  (await run.connection(1)).session.subscribed("BTC/USD");
  await clock.tick(2 * MINUTE);
  const minutes = new Set(run.bars.map(({ ts }) => (barBefore(0).ts - ts) / MINUTE));
  for (let minute = 10; minute > -30; minute--) assert(minutes.has(minute), `minute ${minute} is missing`);
  await run.stop();
});

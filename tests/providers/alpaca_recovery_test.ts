import { assertEquals } from "@std/assert";
import FakeTimers from "@sinonjs/fake-timers";
import { createAlpacaFeed } from "../../src/providers/alpaca.ts";
import { createCoverage } from "../../src/providers/live/coverage.ts";
import { supervise } from "../../src/providers/live/supervise.ts";
import { bar, connect, MINUTE, minutes } from "../support/alpaca.ts";
import { KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { makeDirectory } from "../support/providers.ts";
import { startRelay } from "../support/relay.ts";
import { createContext } from "./conformance.ts";

const passing: [number, string, string][] = [
  [401, "not authenticated", "auth"],
  [404, "auth timeout", "auth"],
  [407, "slow client", "slow"],
  [500, "internal error", "server"],
];
for (const [code, msg, reason] of passing) {
  Deno.test(`after error ${code} the feed connects again and fills the gap`, async () => {
    await using fake = startFakeAlpaca();
    await using feed = await connect(fake);
    const first = await fake.connection();
    first.bars(bar(0));
    assertEquals(minutes(await feed.read((bars) => bars.length === 1)), [0]);
    for (let minute = 0; minute < 5; minute++) fake.history.push(bar(minute));
    first.error(code, msg);
    const second = await fake.connection();
    second.bars(bar(5));
    const bars = await feed.read((bars) => minutes(bars).includes(4) && minutes(bars).includes(5));
    assertEquals(minutes(bars), [0, 1, 2, 3, 4, 5]);
    assertEquals(feed.losses(), [reason]);
  });
}

const breaks: [string, (relay: ReturnType<typeof startRelay>) => unknown][] = [
  ["cut", (relay) => relay.cut()],
  ["cut in the middle of a frame", async (relay) => {
    // A text frame of 126 bytes, of which ten come.
    await relay.inject(new Uint8Array([0x81, 126, 0, 126, ...new TextEncoder().encode('[{"T":"b",')]));
    relay.cut();
  }],
  ["broken by bytes that are no frame", (relay) => relay.inject(new Uint8Array(64).fill(0xff))],
];
for (const [how, breakIt] of breaks) {
  Deno.test(`after a connection was ${how}, history fills the gap`, async () => {
    await using fake = startFakeAlpaca();
    await using relay = startRelay(fake.port);
    const variables = { ALPACA_STREAM_URL: `ws://127.0.0.1:${relay.port}` };
    await using feed = await connect(fake, { variables });
    (await fake.connection()).bars(bar(0));
    await feed.read((bars) => bars.length === 1);
    for (let minute = 0; minute < 20; minute++) fake.history.push(bar(minute));
    await breakIt(relay);
    const second = await fake.connection();
    second.bars(bar(20));
    const bars = await feed.read((bars) => minutes(bars).includes(19) && minutes(bars).includes(20));
    assertEquals(minutes(bars), Array.from({ length: 21 }, (_, minute) => minute));
    assertEquals(feed.losses().length, 1);
  });
}

Deno.test("a connection that is silent although history has bars is renewed", async () => {
  await using fake = startFakeAlpaca();
  await using directory = await makeDirectory();
  // Only the date is in the test's hands: sockets go on.
  const open = Date.UTC(2024, 0, 3, 15, 0);
  const clock = FakeTimers.install({ toFake: ["Date"], now: open });
  try {
    const { port } = fake;
    const feed = createAlpacaFeed({
      streamUrl: `ws://127.0.0.1:${port}/v2/iex`,
      barsUrl: `http://127.0.0.1:${port}/v2/stocks/bars`,
      feed: "iex",
      key: KEY,
      secret: SECRET,
      symbols: ["AAPL"],
    });
    const context = createContext();
    const coverage = createCoverage({ dataDir: directory.path, name: "alpaca", overlapMs: 0 });
    const losses: string[] = [];
    const live = Promise.withResolvers<void>();
    const tell: typeof context.tell = (event) => {
      if (event.type === "feed-lost") losses.push(event.reason);
      if (event.type === "feed-state" && event.state === "live") live.resolve();
    };
    const reader = supervise({ feed, context: { ...context, tell }, coverage, stallMs: 40, backoffMs: 1 }).getReader();
    await fake.connection();
    await live.promise;
    // A quiet market: history is asked, has nothing, and nothing is done.
    clock.setSystemTime(open + 5 * MINUTE);
    await fake.until(() => fake.requests.some((url) => Date.parse(url.searchParams.get("end")!) > open + 3 * MINUTE));
    assertEquals(losses, []);
    fake.history.push(bar(6, { ts: open + 6 * MINUTE }));
    clock.setSystemTime(open + 10 * MINUTE);
    await fake.connection();
    assertEquals(losses, ["stall"]);
    context.stopping.abort();
    await reader.cancel();
  } finally {
    clock.uninstall();
  }
});

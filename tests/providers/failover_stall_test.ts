import { assertEquals } from "@std/assert";
import FakeTimers from "@sinonjs/fake-timers";
import type { PipelineEvent } from "../../src/events.ts";
import { createAlpacaFeed } from "../../src/providers/alpaca.ts";
import { createFailover } from "../../src/providers/failover.ts";
import { createCoverage } from "../../src/providers/live/coverage.ts";
import type { Feed } from "../../src/providers/live/feed.ts";
import { supervise } from "../../src/providers/live/supervise.ts";
import { createMassiveFeed } from "../../src/providers/massive/feed.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { bar, MINUTE } from "../support/alpaca.ts";
import { KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { KEY as MASSIVE_KEY, startFakeMassive } from "../support/fake_massive.ts";
import { readBars } from "../support/feed.ts";
import { makeDirectory } from "../support/providers.ts";
import { createContext } from "./conformance.ts";

/** While US stocks trade. */
const OPEN = Date.UTC(2024, 0, 3, 15, 0);

/** A provider of the feed that is quick to look into silence. */
function providerOf(feed: Feed, dataDir: string): Provider {
  const coverage = createCoverage({ dataDir, name: feed.name, overlapMs: 0 });
  return {
    name: feed.name,
    symbols: feed.symbols,
    open: (context) => supervise({ feed, context, coverage, stallMs: 40, backoffMs: 1 }),
    close: coverage.save,
  };
}

Deno.test("a stall is noticed, the next one delivers from the last committed bar on, and no minute is missing", async () => {
  await using alpaca = startFakeAlpaca();
  await using massive = startFakeMassive();
  await using directory = await makeDirectory();
  // Only the date is in the test's hands: sockets go on.
  const clock = FakeTimers.install({ toFake: ["Date"], now: OPEN });
  try {
    const minute = (at: number) => bar(0, { ts: OPEN + at * MINUTE });
    const group = createFailover({
      members: [
        createAlpacaFeed({
          streamUrl: `ws://127.0.0.1:${alpaca.port}/v2/iex`,
          barsUrl: `http://127.0.0.1:${alpaca.port}/v2/stocks/bars`,
          feed: "iex",
          key: KEY,
          secret: SECRET,
          symbols: ["AAPL"],
        }),
        createMassiveFeed({
          symbols: ["AAPL"],
          timeframe: "1m",
          channel: "AM",
          key: MASSIVE_KEY,
          socketUrl: `ws://127.0.0.1:${massive.port}/stocks`,
          restUrl: `http://127.0.0.1:${massive.port}`,
        }),
      ].map((feed) => providerOf(feed, directory.path)),
      dataDir: directory.path,
      timeframe: "1m",
      afterMs: 60_000,
      backMs: 60_000,
    });
    const context = createContext();
    const events: PipelineEvent[] = [];
    const reader = group.open({ ...context, tell: (event) => void events.push(event) }).getReader();
    const connection = await alpaca.connection();
    clock.setSystemTime(OPEN + 3 * MINUTE);
    connection.bars(minute(0), minute(1), minute(2));
    await readBars(reader, (bars) => bars.length === 3);
    // Heartbeats or none: the connection lives, says nothing, and both histories go on.
    for (let at = 0; at < 10; at++) {
      alpaca.history.push(minute(at));
      massive.history.push(minute(at));
    }
    clock.setSystemTime(OPEN + 10.5 * MINUTE);
    const standby = await massive.connection();
    standby.bars(minute(10));
    const bars = await readBars(reader, (bars) => new Set(bars.map(({ ts }) => ts)).size === 8);
    assertEquals(bars.map(({ provider }) => provider), bars.map(() => "massive"));
    assertEquals(
      [...new Set(bars.map(({ ts }) => (ts - OPEN) / MINUTE))].toSorted((a, b) => a - b),
      [3, 4, 5, 6, 7, 8, 9, 10],
    );
    const causes = events.flatMap((event) => event.type === "failover" ? [event.cause] : []);
    assertEquals(causes, [undefined, "stall"]);
    context.stopping.abort();
    await reader.cancel();
    await group.close!();
  } finally {
    clock.uninstall();
  }
});

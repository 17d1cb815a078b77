import { assertEquals } from "@std/assert";
import FakeTimers from "@sinonjs/fake-timers";
import type { PipelineEvent } from "../../src/events.ts";
import { createFailover } from "../../src/providers/failover.ts";
import { bar, MINUTE } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { quickMembers } from "../support/failover.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { readBars } from "../support/feed.ts";
import { makeDirectory } from "../support/providers.ts";
import { createContext } from "./conformance.ts";

/** While US stocks trade. */
const OPEN = Date.UTC(2024, 0, 3, 15, 0);

Deno.test("a stall is noticed, the next one delivers from the last committed bar on, and no minute is missing", async () => {
  await using alpaca = startFakeAlpaca();
  await using massive = startFakeMassive();
  await using directory = await makeDirectory();
  // Only the date is in the test's hands: sockets go on.
  const clock = FakeTimers.install({ toFake: ["Date"], now: OPEN });
  try {
    const minute = (at: number) => bar(0, { ts: OPEN + at * MINUTE });
    const group = createFailover({
      members: quickMembers(alpaca, massive, { stallMs: 40, backoffMs: 1 }),
      dataDir: directory.path,
      timeframe: "1m",
      afterMs: 60_000,
      backMs: 60_000,
    });
    const context = createContext();
    const events: PipelineEvent[] = [];
    const reader = group.open({ ...context, emit: (event) => void events.push(event) }).getReader();
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

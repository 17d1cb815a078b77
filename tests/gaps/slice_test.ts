import { assertEquals } from "@std/assert";
import { always } from "../../src/calendar/calendar.ts";
import { withClient } from "../../src/database/database.ts";
import type { Interval } from "../../src/records/intervals.ts";
import { type Part, planRequests, type ScopedSeries, takeSlice } from "../../src/gaps/slice.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { starts, storeSeries, utc } from "../support/stored_series.ts";

const { test } = useServer();

const MINUTE_MS = 60_000;
const FIRST_MS = utc("2024-07-01T00:00");
const minuteOf = (ms: number) => (ms - FIRST_MS) / MINUTE_MS;

test("a slice takes whole series while there is room, and of the last one a part", async (server) => {
  const { database } = await migratedDatabase(server);
  // Every second minute is missing: 30 gaps in each series.
  const bars = starts("2024-07-01T00:00", "2024-07-01T01:00", 2 * MINUTE_MS);
  const queue: ScopedSeries[] = [];
  const names = ["kraken A 1m", "kraken B 1m", "kraken C 1m", "kraken C 5m", "other C 5m"];
  for (const [provider, symbol, timeframe] of names.map((name) => name.split(" "))) {
    const id = await storeSeries(database, { provider, symbol, timeframe }, bars);
    const series = { id, provider, symbol, timeframe, first: bars[0], newest: bars.at(-1)! };
    queue.push({
      series,
      scope: { calendar: always, stepMs: MINUTE_MS, from: FIRST_MS, to: FIRST_MS + 60 * MINUTE_MS, doubtsTo: Infinity },
    });
  }
  const slices: string[][] = [];
  while (queue.length > 0) {
    const parts = await withClient(database, (client, names) => takeSlice(client, names, queue, 45));
    slices.push(
      parts.map(({ series: { provider, symbol, timeframe }, scope, gaps }) =>
        `${provider} ${symbol} ${timeframe} ${minuteOf(scope.from)}-${minuteOf(scope.to)}: ${gaps.length}`
      ),
    );
  }
  assertEquals(slices, [
    ["kraken A 1m 0-60: 30", "kraken B 1m 0-30: 15"],
    ["kraken B 1m 30-60: 15", "kraken C 1m 0-60: 30"],
    ["kraken C 5m 0-60: 30"],
    ["other C 5m 0-60: 30"],
  ]);
});

/** The requests for a part whose bars last a millisecond. */
const planOf = (part: Partial<Part>) =>
  planRequests({ gaps: [], doubts: [], ...part, scope: { stepMs: 1, from: 0, to: 10_000 } } as unknown as Part);

Deno.test("stored bars in doubt are asked for too, unless asking is over", () => {
  const doubt = { reason: "partial", foundAt: 0, dueAt: 0, attempts: 0 } as const;
  const doubts = [{ ...doubt, from: -10, to: 3 }, { ...doubt, from: 6000, to: 6001, dueAt: Infinity }];
  assertEquals(planOf({ doubts }), [[0, 3]]);
  const horizon = { ...doubt, reason: "horizon", from: 0, to: 5, dueAt: Infinity } as const;
  assertEquals(planOf({ gaps: [{ from: 0, to: 5, isNoTrade: false, doubt: horizon }] }), []);
});

Deno.test("gaps near each other are asked for at once, the newest first, and known ones not at all", () => {
  const plan = (...gaps: [number, number, boolean?][]) => {
    return planOf({ gaps: gaps.map(([from, to, isNoTrade = false]) => ({ from, to, isNoTrade })) });
  };
  const expected: Interval[] = [[5000, 5010], [0, 1200]];
  assertEquals(plan([0, 5], [6, 7, true], [1000, 1200], [3000, 3001, true], [5000, 5010]), expected);
  assertEquals(plan([0, 5, true]), []);
});

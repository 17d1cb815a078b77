import { assertEquals } from "@std/assert";
import { CORRECTION_MS, noteValues, startsOf, type Values } from "../../src/providers/live/coverage/values.ts";
import { fakeClock } from "../support/clock.ts";

const MINUTE = 60_000;
const barAt = (ts: number, status: "final" | "correction") => {
  return { symbol: "A", timeframe: "1m", ts, open: 1, high: 1, low: 1, close: 1, volume: 1, status };
};

Deno.test("values of corrections are forgotten once they are no longer believed, unconfirmed ones are kept", async () => {
  using clock = fakeClock(0);
  for (const status of ["correction", "final"] as const) {
    let values: Values = [];
    values = noteValues(values, barAt(0, status), 200);
    await clock.tick(MINUTE);
    values = noteValues(values, barAt(MINUTE, status), 200);
    await clock.tick(CORRECTION_MS - MINUTE);
    values = noteValues(values, barAt(2 * MINUTE, status), 200);
    assertEquals([...startsOf(values)], (status === "final" ? [0, 1, 2] : [1, 2]).map((at) => at * MINUTE));
  }
});

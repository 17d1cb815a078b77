import { assertEquals } from "@std/assert";
import type { Doubt } from "../../src/coverage/coverage.ts";
import { measureDoubts } from "../../src/providers/live/coverage/account.ts";
import { createTrack, note, open } from "../../src/providers/live/coverage/track.ts";

const MINUTE = 60_000;
const trackOf = (symbol: string, starts: readonly number[], doubts: readonly Partial<Doubt>[]) => {
  const track = createTrack(symbol, MINUTE, undefined);
  for (const start of starts) note(track, start);
  for (const each of doubts) {
    open(track, { from: 0, to: MINUTE, reason: "hole", foundAt: 0, dueAt: 0, attempts: 0, ...each });
  }
  return track;
};

Deno.test("doubts are added up by reason, and the oldest that history can settle is found, of all and of busy symbols", () => {
  const minutes = Array.from({ length: 60 }, (_, at) => at * MINUTE);
  const tracks = [
    trackOf("BUSY", minutes, [{ from: 60 * MINUTE, to: 63 * MINUTE, foundAt: 5000 }]),
    trackOf("THIN", [0, 20 * MINUTE, 40 * MINUTE], [
      { from: MINUTE, to: 2 * MINUTE, foundAt: 1000 },
      { from: 5 * MINUTE, to: 6 * MINUTE, foundAt: 2000, reason: "lag" },
    ]),
    trackOf("OVER", minutes, [{ foundAt: 10, reason: "horizon", dueAt: Infinity }]),
    trackOf("DENIED", minutes, [{ foundAt: 20, reason: "denied" }]),
  ];
  assertEquals(measureDoubts(tracks, 900_000), {
    minutes: { hole: 4, lag: 1, horizon: 1, denied: 1 },
    series: 4,
    delayMs: 900_000,
    since: 1000,
    busySince: 5000,
  });
});

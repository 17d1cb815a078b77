import { assertEquals } from "@std/assert";
import { commit, createTrack, open, receive, type Track } from "../../src/providers/live/coverage/track.ts";
import { useTable } from "../../src/providers/live/history/plan.ts";
import type { DoubtReason } from "../../src/coverage/coverage.ts";

const MINUTE = 60_000;

/** A track of which the second of three minutes is in doubt. */
function trackInDoubt(reason: DoubtReason): Track {
  const track = createTrack("AAPL", MINUTE, undefined);
  for (const at of [0, 2]) receive(track, at * MINUTE);
  for (const at of [0, 2]) commit(track, at * MINUTE);
  open(track, { from: MINUTE, to: 2 * MINUTE, reason, foundAt: 0, dueAt: 0, attempts: 0 });
  return track;
}

const reasonsOf = ({ coverage: { doubts } }: Track) => doubts.map(({ reason }) => reason);

for (const [reason, isSettled] of [["hole", true], ["corrected", false], ["partial", false]] as const) {
  const outcome = isSettled ? "settles" : "does not settle";
  Deno.test(`a late bar ${outcome} a doubt of the reason ${reason} once it is stored`, () => {
    const track = trackInDoubt(reason);
    receive(track, MINUTE);
    commit(track, MINUTE);
    assertEquals(reasonsOf(track), isSettled ? [] : [reason]);
  });
}

for (
  const [reason, isSettled] of [
    ...[["hole", true], ["interrupted", true], ["corrected", false], ["partial", false]] as const,
    // An earlier run may have stored part of the bar.
    ...[["stopped", false], ["upgraded", false], ["restored", false], ["lag", false]] as const,
  ]
) {
  Deno.test(`a bar in the table ${isSettled ? "settles" : "does not settle"} a doubt of the reason ${reason}`, () => {
    const track = trackInDoubt(reason);
    const { coverage } = track;
    const plan = {
      track,
      symbol: "AAPL",
      basis: coverage,
      doubts: coverage.doubts,
      urgency: "busy",
      dueAt: 0,
    } as const;
    useTable({ ...plan, from: 0, to: 3 * MINUTE }, { before: 0, within: [MINUTE], after: 2 * MINUTE }, true);
    assertEquals(reasonsOf(track), isSettled ? [] : [reason]);
  });
}

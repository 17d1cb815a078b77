import { bars, noneInDoubt, type Row } from "../row.ts";

/** The clock of the machine is 90 s behind. */
export const clockBehind: Row = {
  title: "with a clock that is behind, an outage is repaired to its end",
  misdeeds: (at) => ({
    "by 90 s": { skips: [bars(at, 8, 11)], outages: [{ from: at.minute(9), to: at.minute(11) }] },
  }),
  plan: ({ minute }) => ({ clock: [{ at: minute(-2), offsetMs: -90_000 }] }),
  check: noneInDoubt,
};

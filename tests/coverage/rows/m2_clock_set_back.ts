import { bars, noneInDoubt, type Row } from "../row.ts";

/** The clock is set back by an hour, then there is an outage, then it is right again. */
export const clockSetBack: Row = {
  title: "after a clock was set back, an outage is asked for",
  minutes: 60,
  misdeeds: (at) => ({
    "by an hour": { skips: [bars(at, 10, 15)], outages: [{ from: at.minute(11), to: at.minute(15) }] },
  }),
  plan: ({ minute }) => ({
    clock: [{ at: minute(6), offsetMs: -3_600_000 }, { at: minute(30), offsetMs: 0 }],
  }),
  check: noneInDoubt,
};

import { bars, noneInDoubt, type Row } from "../row.ts";

/** History is behind the stream when it is asked after an outage. */
export const lagging: Row = {
  title: "history that lags is asked again until it has caught up",
  minutes: 80,
  misdeeds: (at) => ({
    "by eight minutes": {
      skips: [bars(at, 8, 11)],
      outages: [{ from: at.minute(9), to: at.minute(11) }],
      lags: [{ from: at.minute(5), to: at.minute(30), ms: 8 * 60_000 }],
    },
  }),
  check: noneInDoubt,
};

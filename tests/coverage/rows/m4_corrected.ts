import { bars, noneInDoubt, type Row } from "../row.ts";

/** History still has the values that corrections replaced, and a plain bar is repeated after its correction. */
export const corrected: Row = {
  title: "a correction is not replaced by what it replaced",
  minutes: 90,
  misdeeds: (at) => ({
    "an old history": {
      skips: [bars(at, 10, 11)],
      stale: [{ from: at.minute(5), to: at.minute(25) }],
    },
    "a repeated bar": { echoes: true },
  }),
  plan: () => ({ corrected: 0.5 }),
  check: noneInDoubt,
};

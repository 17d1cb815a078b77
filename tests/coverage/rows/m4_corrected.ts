import { bars, noneInDoubt, type Row } from "../row.ts";

/** History still has the values that corrections replaced, and a plain bar is repeated after its correction. */
export const corrected: Row = {
  title: "a correction is not replaced by what it replaced",
  minutes: 90,
  misdeeds: (at, { provider }) => ({
    "an old history": {
      skips: [bars(at, 10, 11)],
      // It is well again before a new process asks: that one has no memory of what was corrected.
      stale: [{ from: at.minute(5), to: at.minute(13) }],
    },
    // Elsewhere nothing tells a bar that is repeated from one that is corrected.
    ...provider === "alpaca" ? { "a repeated bar": { echoes: true } } : {},
  }),
  plan: () => ({ corrected: 0.5 }),
  check: noneInDoubt,
};

import { bars, noneInDoubt, type Row } from "../row.ts";

/** One bar comes 20 hours before its time; then the symbol is skipped. */
export const ahead: Row = {
  title: "a bar ahead of its time is refused, and blinds nothing",
  minutes: 110,
  misdeeds: (at) => ({
    "by 20 h": {
      ahead: [{ at: at.minute(6) + 5_000, symbol: at.symbols[0], aheadMs: 20 * 3_600_000 }],
      skips: [{ ...bars(at, 10, 30), symbols: new Set([at.symbols[0]]) }],
    },
  }),
  check: noneInDoubt,
};

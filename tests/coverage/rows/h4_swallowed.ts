import { noneInDoubt, type Row } from "../row.ts";

/** The last states of a bar under way are swallowed. */
export const swallowed: Row = {
  title: "a bar whose last states did not come is not taken for whole",
  feeds: ["ibkr", "kraken"],
  misdeeds: (at) => ({
    "after :22": {
      swallows: [{ from: at.minute(8) + 22_000, to: at.minute(9) + 5_000, symbols: new Set([at.symbols[0]]) }],
    },
    "in the last seconds, and the connection ends after the bar, while history lags": {
      swallows: [{ from: at.minute(8) + 52_000, to: at.minute(9) + 4_000 }],
      outages: [{ from: at.minute(9) + 4_000, to: at.minute(9) + 20_000 }],
      lags: [{ from: at.minute(8), to: at.minute(14), ms: 120_000 }],
    },
  }),
  check: noneInDoubt,
};

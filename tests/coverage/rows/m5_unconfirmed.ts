import { noneInDoubt, type Row } from "../row.ts";

/** History fails once when it is to confirm a bar whose last states did not come. */
export const unconfirmed: Row = {
  title: "a confirmation that fails is asked for again",
  feeds: ["ibkr", "kraken"],
  misdeeds: (at) => ({
    "for a minute": {
      swallows: [{ from: at.minute(8) + 22_000, to: at.minute(9) + 5_000 }],
      failures: [{ from: at.minute(9), to: at.minute(11) }],
    },
  }),
  check: noneInDoubt,
};

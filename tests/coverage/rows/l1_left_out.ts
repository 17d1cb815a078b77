import { noneInDoubt, type Row } from "../row.ts";

/** A symbol is left out of the answer to the first subscription. */
export const leftOut: Row = {
  title: "a symbol that was left out of a subscription is asked for again",
  feeds: ["alpaca"],
  misdeeds: (at) => ({
    "once": { ignored: [{ from: at.minute(-5), to: at.minute(10), symbols: new Set([at.symbols[1]]) }] },
  }),
  check: noneInDoubt,
};

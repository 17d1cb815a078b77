import { bars, noneInDoubt, type Row } from "../row.ts";

/** A slow client is skipped, or a proxy stalls. */
export const skipped: Row = {
  title: "minutes missing inside a live connection are fetched",
  misdeeds: (at) => ({
    "one of one symbol": { skips: [{ ...bars(at, 8, 9), symbols: new Set([at.symbols[0]]) }] },
    "one of all": { skips: [bars(at, 8, 9)] },
  }),
  check: noneInDoubt,
};

import { noneInDoubt, type Row } from "../row.ts";

/** An old bar is repeated every 20 s, and nothing else comes. */
export const repeated: Row = {
  title: "an old bar that is repeated is no life",
  minutes: 70,
  misdeeds: (at) => ({
    "for 42 minutes": { repeats: [{ from: at.minute(10) + 30_000, to: at.minute(52) }] },
  }),
  check: noneInDoubt,
};

import { bars, noneInDoubt, type Row } from "../row.ts";

/** History answers with success and nonsense. */
export const nonsense: Row = {
  title: "nonsense of status 200 proves nothing",
  misdeeds: (at, venue) =>
    Object.fromEntries(
      venue.nonsense.filter((kind) => !kind.includes("A, B")).map((kind) => [kind, {
        skips: [bars(at, 8, 10)],
        nonsense: [{ from: at.minute(7), to: at.minute(20), kind }],
      }]),
    ),
  // After answers that prove nothing history is asked again within a quarter of an hour.
  minutes: 60,
  check: noneInDoubt,
};

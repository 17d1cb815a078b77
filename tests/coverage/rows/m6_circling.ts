import { bars, noneInDoubt, type Row } from "../row.ts";

/** The pages of history lead in a circle. */
export const circling: Row = {
  title: "pages that lead in a circle end the answer, and are asked for no more than others",
  feeds: ["alpaca", "massive"],
  misdeeds: (at, venue) =>
    Object.fromEntries(
      venue.nonsense.filter((kind) => kind.includes("A, B")).map((kind) => [kind, {
        skips: [bars(at, 8, 10)],
        nonsense: [{ from: at.minute(7), to: at.minute(20), kind }],
      }]),
    ),
  check: (report) => [
    ...noneInDoubt(report),
    ...report.requests > 300 ? [`${report.requests} requests were made`] : [],
  ],
};

import { noneInDoubt, type Row } from "../row.ts";

/** A busy symbol dies while many thin ones are silent. */
export const deadAmongThin: Row = {
  title: "a busy symbol that dies is found among thin ones",
  minutes: 60,
  misdeeds: (at) => ({
    "for ten minutes": { skips: [{ ...bars10(at.minute), symbols: new Set([at.symbols[0]]) }] },
  }),
  plan: ({ symbols }) => ({
    listings: symbols.map((symbol, at) => ({ symbol, density: at === 0 ? 1 : 0.03, halts: [] })),
  }),
  check: (report, { symbols }) =>
    noneInDoubt({ ...report, named: report.named.filter((each) => each.includes(` ${symbols[0]} `)) }),
};

const bars10 = (minute: (count: number) => number) => ({ from: minute(20), to: minute(30) });

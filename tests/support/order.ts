/**
 * The order in which the suite runs its files: one that takes long and begins last would run on alone.
 *
 * @module
 */

/** Files that take more than a minute of an idle machine, longest first. */
const LONGEST = [
  "tests/faults/process_scenarios_test.ts",
  "tests/cluster/cluster_test.ts",
  "tests/faults/server_scenarios_test.ts",
  "tests/endtoend/overflow_test.ts",
];

/** What a file imports that starts servers, processes or databases. */
const HEAVY = /"[./]*(support\/(workspace|process|cluster|postgres|server_tests|browser|nats|timescale)|harness)\b/;

/** Puts the longest files first, then those that start something, and quick ones last: they fill what is left of each core. */
export async function inOrder(files: readonly string[]): Promise<string[]> {
  const ranked = await Promise.all(files.map(async (file) => {
    if (LONGEST.includes(file)) return { file, rank: LONGEST.indexOf(file) - LONGEST.length };
    return { file, rank: HEAVY.test(await Deno.readTextFile(file)) ? 0 : 1 };
  }));
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ file }) => file);
}

/** A file that ran. */
export interface Ran {
  readonly file: string;
  /** When it ended, in milliseconds. */
  readonly endedAt: number;
}

/** Longest time for which one file may run while others could, in milliseconds. */
const ALONE_MS = 20_000;

/**
 * Says which file should have begun earlier, `undefined` where none: the last one, where it ran long after the last but one
 * had ended.
 */
export function lateFile(ran: readonly Ran[]): string | undefined {
  const [last, other] = ran.toSorted((a, b) => b.endedAt - a.endedAt);
  if (other === undefined || last.endedAt - other.endedAt < ALONE_MS) return undefined;
  const seconds = Math.round((last.endedAt - other.endedAt) / 1000);
  return `Late: ${last.file} ran alone for ${seconds} s at the end: name it earlier in LONGEST of tests/support/order.ts`;
}

/**
 * Runs rows at feeds, in all ways, and says how each went.
 *
 * @module
 */
import { modes, runRow, venues } from "./run_row.ts";
import { rows } from "./rows/mod.ts";

/** Which to run; all where nothing is said. */
export interface RowsOptions {
  names: readonly string[];
  feed?: string;
  mode?: string;
  verbose?: boolean;
}

/** Runs them, and gives the number of those that went wrong. */
export async function runRows({ names, feed, mode, verbose }: RowsOptions): Promise<number> {
  let failed = 0;
  let count = 0;
  for (const [name, row] of Object.entries(rows)) {
    if (names.length > 0 && !names.includes(name)) continue;
    for (const at of row.feeds ?? Object.keys(venues)) {
      if (feed !== undefined && feed !== at) continue;
      for (const way of modes) {
        if (mode !== undefined && mode !== way) continue;
        const startedAt = performance.now();
        const problems = await runRow(row, at, way, verbose);
        const ms = Math.round(performance.now() - startedAt);
        count++;
        if (problems.length > 0) failed++;
        console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name} ${at} ${way} (${ms} ms)`);
        for (const problem of problems) console.log(`  ${problem}`);
      }
    }
  }
  console.log(`${count - failed} of ${count} went well`);
  return failed;
}

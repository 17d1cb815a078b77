import { assertEquals } from "@std/assert";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { days } from "./days.ts";
import { missingClock, runTrial } from "./trial.ts";

// Another one each time would find more, and fail for those who changed nothing: `deno task endtoend` has others.
const SEED = 1;

testWhere(
  missingServer() ?? missingClock(),
  "after a day of faults and restarts the table holds exactly what the market printed",
  async (t) => {
    const names = Object.keys(days);
    const seen: string[] = [];
    for await (const report of runTrial({ days: names, seed: SEED })) {
      const { name, rows, faults, flags, problems, log } = report;
      seen.push(name);
      await t.step(`${name}: ${rows} bars, ${faults.length} faults`, () => {
        if (problems.length > 0) console.log(log, faults, flags);
        assertEquals(problems, []);
      });
    }
    assertEquals(seen.toSorted(), names.toSorted());
  },
);

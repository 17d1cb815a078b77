import { assertEquals } from "@std/assert";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { missingClock, runTrial } from "./trial.ts";
import { venues } from "./venues/mod.ts";

// Another one each time would find more, and fail for those who changed nothing: `deno task endtoend` has others.
const SEED = 1;

testWhere(
  missingServer() ?? missingClock(),
  "after two hours of faults and two restarts the table holds exactly what the market printed",
  async (t) => {
    const providers = Object.keys(venues);
    const seen: string[] = [];
    for await (const report of runTrial({ providers, seed: SEED, speed: 60 })) {
      seen.push(report.provider);
      await t.step(`${report.provider}: ${report.rows} bars, ${report.faults.length} faults`, () => {
        if (report.problems.length > 0) console.log(report.log, report.faults);
        assertEquals(report.problems, []);
      });
    }
    assertEquals(seen.toSorted(), providers.toSorted());
  },
);

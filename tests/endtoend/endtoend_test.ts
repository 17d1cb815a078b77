import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { days } from "./days.ts";
import type { StandbyReport } from "./standby_day.ts";
import { missingClock, runFast, runTrial } from "./trial.ts";

// Another one each time would find more, and fail for those who changed nothing: `deno task endtoend` has others.
const SEED = 1;
/** A quarter of a day: as many faults, closer together. */
const MINUTES = 30;

testWhere(
  missingServer() ?? missingClock(),
  "after a day of faults and restarts the table holds exactly what the market printed",
  async (t) => {
    const names = Object.keys(days);
    const seen: string[] = [];
    const standby = playStandby();
    for await (const report of runTrial({ days: names, seed: SEED, minutes: MINUTES })) {
      const { name, rows, faults, flags, problems, log } = report;
      seen.push(name);
      await t.step(`${name}: ${rows} bars, ${faults.length} faults`, () => {
        if (problems.length > 0) console.log(log, faults, flags);
        assertEquals(problems, []);
      });
    }
    assertEquals(seen.toSorted(), names.toSorted());
    const { missing, changes, letters } = await standby;
    await t.step(`no minute of two providers in a failover group is missing: ${changes.join(", ")}`, () => {
      assertEquals({ missing, letters }, { missing: [], letters: 0 });
      // Who has the bars is chance: a provider that took over may lose its own connection before it has one.
      assert(changes.length > 2);
    });
  },
);

/** Plays faults at both members of a failover group, beside the days. */
async function playStandby(): Promise<StandbyReport> {
  const script = fromFileUrl(new URL("standby_day.ts", import.meta.url));
  const lines = await Array.fromAsync(runFast([script, `--seed=${SEED}`, `--minutes=${MINUTES}`]));
  return JSON.parse(lines.at(-1)!);
}

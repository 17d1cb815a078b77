/**
 * `deno task endtoend [--trials N] [--seed S] [--minutes 120] [DAY…]`: days of many seeds, one after another.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { runTrial } from "./trial.ts";
import { days } from "./days.ts";

const { trials, seed, minutes, verbose, _: names } = parseArgs(Deno.args, {
  default: { trials: 1, minutes: 120, seed: Math.floor(Math.random() * 1e6) },
  boolean: ["verbose"],
});
const chosen = names.length > 0 ? names.map(String) : Object.keys(days);
let succeeded = 0;
for (let trial = 0; trial < trials; trial++) {
  for await (const report of runTrial({ days: chosen, seed: seed + 100 * trial, minutes })) {
    const { log, problems, ...facts } = report;
    console.log(JSON.stringify(facts));
    if (verbose || problems.length > 0) console.log(log);
    for (const problem of problems.slice(0, 20)) console.log(`  PROBLEM ${problem}`);
    if (problems.length === 0) succeeded++;
  }
}
const count = trials * chosen.length;
console.log(`${succeeded} of ${count} days ended well`);
Deno.exit(succeeded === count ? 0 : 1);

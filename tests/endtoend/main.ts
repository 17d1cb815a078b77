/**
 * `deno task endtoend [--trials N] [--seed S] [--speed X] [PROVIDER…]`: days of many seeds, one after another.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { runTrial } from "./trial.ts";
import { venues } from "./venues/mod.ts";

const { trials, seed, speed, verbose, _: names } = parseArgs(Deno.args, {
  default: { trials: 1, seed: Math.floor(Math.random() * 1e6), speed: 60 },
  boolean: ["verbose"],
});
const providers = names.length > 0 ? names.map(String) : Object.keys(venues);
let failed = 0;
for (let trial = 0; trial < trials; trial++) {
  for await (const report of runTrial({ providers, seed: seed + 100 * trial, speed })) {
    const { log, problems, ...facts } = report;
    console.log(JSON.stringify(facts));
    if (verbose || problems.length > 0) console.log(log);
    for (const problem of problems.slice(0, 20)) console.log(`  PROBLEM ${problem}`);
    if (problems.length > 0) failed++;
  }
}
console.log(`${failed} of ${trials * providers.length} days failed`);
Deno.exit(failed === 0 ? 0 : 1);

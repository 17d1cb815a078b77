/**
 * Faults on purpose, many times:
 *
 *     deno task faults [--trials N] [--seed S] [--only NAME] [--trial T] [--records N] [--list]
 *
 * Each scenario is run N times with chance of its own, which the seed decides; a failure tells how to repeat it. With
 * `BARLINE_BINARY=dist/barline` the compiled binary is under test instead of the source.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createTrialRunner } from "./harness/run.ts";
import { scenarios } from "./scenarios/mod.ts";

const args = parseArgs(Deno.args, {
  string: ["trials", "seed", "only", "trial", "records"],
  boolean: ["list"],
  unknown(argument: string) {
    console.error(
      `Cannot understand "${argument}": expected --trials N, --seed S, --only NAME, --trial T, --records N or --list`,
    );
    Deno.exit(2);
  },
});
if (args.list) {
  for (const { name, promise, coveredBy } of scenarios) {
    console.log(`${name.padEnd(28)}${promise}${coveredBy === undefined ? "" : ` (the suite: ${coveredBy})`}`);
  }
  Deno.exit(0);
}
const seed = Number(args.seed ?? Math.trunc(Math.random() * 1e9));
const chosen = scenarios.filter(({ name }) => args.only === undefined || name.startsWith(args.only));
const trials = args.trial !== undefined
  ? [Number(args.trial)]
  : Array.from({ length: Number(args.trials ?? 1) }, (_, trial) => trial);
if (chosen.length === 0 || trials.length === 0 || ![seed, ...trials].every(Number.isInteger)) {
  console.error("Cannot find anything to run: see the names with --list; seed and numbers of trials are whole numbers");
  Deno.exit(2);
}
console.log(`seed ${seed}, ${chosen.length} scenarios × ${trials.length}`);

const size = {
  ...args.records === undefined ? {} : { records: Number(args.records) },
  report: (figures: string) => console.log(`  ${figures}`),
};

let failed = 0;
let passed = 0;
{
  await using runner = createTrialRunner();
  for (const scenario of chosen) {
    const label = scenario.name.padEnd(28);
    if (scenario.missing !== undefined) {
      console.log(`${label}skipped: ${scenario.missing}`);
      continue;
    }
    const started = performance.now();
    const failures: string[] = [];
    for (const trial of trials) {
      await runner.run(scenario, seed, trial, size).catch((error: Error) => failures.push(error.message));
    }
    failed += failures.length;
    passed += trials.length - failures.length;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${label}${failures.length === 0 ? "ok" : `${failures.length} FAILED`} of ${trials.length} in ${seconds} s`,
    );
    for (const message of failures) console.log(`  ${message.replaceAll("\n", "\n  ")}`);
  }
}
console.log(`${passed} passed, ${failed} failed, seed ${seed}`);
Deno.exitCode = failed === 0 ? 0 : 1;

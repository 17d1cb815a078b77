/**
 * Days, side by side, in a process whose clock runs fast: see `trial.ts`, which starts it. Prints each report as a line of
 * JSON.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { startPostgres } from "../support/postgres.ts";
import { type Report, runDay } from "./day.ts";
import { days } from "./days.ts";

const { seed, minutes, _: names } = parseArgs(Deno.args);

// The one that TEST_DATABASE_URL names, whose clock is its own.
await using server = await startPostgres();
await Promise.all(names.map(async (name: string | number, at: number) => {
  const options = { name: String(name), day: days[name], server, seed: seed + at, minutes };
  const report = await runDay(options).catch((error): Report => ({
    ...{ name: options.name, seed: options.seed, flags: [], faults: [], rows: 0, letters: 0, settledAfter: 0, log: "" },
    problems: [error.stack],
  }));
  console.log(JSON.stringify(report));
}));
// What is left are waits for clients that will not come.
Deno.exit();

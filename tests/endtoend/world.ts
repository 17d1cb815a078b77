/**
 * The days of all venues, side by side, in a process whose clock runs fast: see `trial.ts`, which starts it. Prints each
 * report as a line of JSON.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { startPostgres } from "../support/postgres.ts";
import { runDay } from "./day.ts";
import { venues } from "./venues/mod.ts";

const { seed, minutes, faults, _: names } = parseArgs(Deno.args);

// The one that TEST_DATABASE_URL names, whose clock is its own.
await using server = await startPostgres();
await Promise.all(names.map(async (name: string | number, at: number) => {
  await using venue = venues[name]();
  const report = await runDay({ venue, server, seed: seed + at, minutes, faults }).catch((error) => (
    { provider: String(name), seed, faults: [], rows: 0, letters: 0, settledAfter: 0, problems: [error.stack], log: "" }
  ));
  console.log(JSON.stringify(report));
}));
// What is left are waits for clients that will not come.
Deno.exit();

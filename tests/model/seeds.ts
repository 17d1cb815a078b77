/**
 * Runs seeds of the model, and says how each went.
 *
 * @module
 */
import { makeDirectory } from "../support/providers.ts";
import { type Report, runSeed } from "./run.ts";

/** Which seeds to run. */
export interface SeedOptions {
  /** How many, from 1 on. */
  seeds: number;
  /** This one alone. */
  seed?: number;
  feed?: string;
  verbose?: boolean;
}

const NAMED = 10;

/** Runs them, and gives the number of those that went wrong. */
export async function runSeeds({ seeds, seed, feed, verbose = false }: SeedOptions): Promise<number> {
  await using directory = await makeDirectory();
  const chosen = seed === undefined ? Array.from({ length: seeds }, (_, at) => at + 1) : [seed];
  const failed: number[] = [];
  const began = performance.now();
  for (const each of chosen) {
    const startedAt = performance.now();
    const report = await runSeed(each, directory.path, feed);
    print(each, report, performance.now() - startedAt, verbose);
    if (report.silent.length + report.stuck.length > 0) failed.push(each);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${chosen.length - failed.length} of ${chosen.length} seeds went well, in ${seconds} s`);
  if (failed.length > 0) console.log(`Failed: ${failed.join(" ")}`);
  return failed.length;
}

function print(seed: number, report: Report, ms: number, verbose: boolean): void {
  const { plan, silent, named, unknown, minutes, notices, requests, saves } = report;
  const counts = { silent: silent.length, named: named.length, stuck: report.stuck.length };
  const rest = { unsaved: report.unsaved.length, unknown: unknown.length };
  console.log(
    JSON.stringify({
      seed,
      members: plan.members.join(),
      minutes,
      ...counts,
      ...rest,
      requests,
      saves,
      ms: Math.round(ms),
    }),
  );
  for (const each of silent.slice(0, verbose ? Infinity : NAMED)) console.log(`  SILENT ${each}`);
  for (const each of report.stuck.slice(0, verbose ? Infinity : NAMED)) console.log(`  STUCK ${each}`);
  if (!verbose) return;
  for (const each of named) console.log(`  NAMED ${each}`);
  for (const each of report.unsaved) console.log(`  UNSAVED ${each}`);
  for (const each of unknown) console.log(`  UNKNOWN ${each}`);
  for (const each of report.losses) console.log(`  LOST ${each}`);
  for (const each of new Set(notices)) console.log(`  SAID ${each}`);
  console.log(Deno.inspect(plan, { depth: 6 }));
}

/**
 * `deno task model [--seeds N] [--seed K] [--feed NAME]`: runs seeds of the model, one after another.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { makeDirectory } from "../support/providers.ts";
import { runSeed } from "./run.ts";

const { seeds, seed, feed, verbose } = parseArgs(Deno.args, {
  default: { seeds: 1000, seed: undefined as number | undefined },
  string: ["feed"],
  boolean: ["verbose"],
});
const first = seed ?? 1;
const last = seed === undefined ? first + Number(seeds) - 1 : Number(first);
const directory = await makeDirectory();
const failed: number[] = [];
const began = performance.now();
for (let each = Number(first); each <= last; each++) {
  const startedAt = performance.now();
  const { plan, silent, named, unknown, minutes, notices, requests, saves } = await runSeed(each, directory.path, feed);
  const ms = Math.round(performance.now() - startedAt);
  const facts = { seed: each, members: plan.members.join(), minutes, silent: silent.length, named: named.length };
  console.log(JSON.stringify({ ...facts, unknown: unknown.length, requests, saves, ms }));
  if (silent.length > 0) failed.push(each);
  const most = verbose ? Infinity : 10;
  for (const each of silent.slice(0, most)) console.log(`  SILENT ${each}`);
  if (!verbose) continue;
  for (const each of named) console.log(`  NAMED ${each}`);
  for (const each of unknown.slice(0, 20)) console.log(`  UNKNOWN ${each}`);
  for (const each of new Set(notices)) console.log(`  SAID ${each}`);
  console.log(Deno.inspect(plan, { depth: 6 }));
}
const count = last - Number(first) + 1;
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`${count - failed.length} of ${count} seeds kept nothing silent, in ${seconds} s`);
if (failed.length > 0) console.log(`Failed: ${failed.join(" ")}`);
await directory[Symbol.asyncDispose]();
Deno.exit(failed.length === 0 ? 0 : 1);

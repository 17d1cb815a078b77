/**
 * `deno task model`: the proof that live series are whole where their coverage says so.
 *
 * - `[--seeds N] [--seed K] [--feed NAME] [--verbose]` runs seeds of the model, one after another.
 * - `--rows [NAME…] [--feed NAME] [--mode NAME]` runs what vendors do, one by one, over real sockets.
 * - `--kills N [--seed K]` kills a process N times in wall-clock time.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { runRows } from "../coverage/run_rows.ts";
import { runKills } from "./kills.ts";
import { runSeeds } from "./seeds.ts";

const { rows, kills, _: names, ...options } = parseArgs(Deno.args, {
  default: { seeds: 1000 },
  string: ["feed", "mode"],
  boolean: ["rows", "verbose"],
});

async function killAll(kills: number): Promise<number> {
  const { bars, silent, named } = await runKills(kills, options.seed, console.log);
  console.log(`${bars} bars, ${silent.length} differ in silence, ${named} are named`);
  for (const each of silent) console.log(`  SILENT ${each}`);
  return silent.length;
}

let failures: number;
if (kills !== undefined) failures = await killAll(kills);
else if (rows) failures = await runRows({ ...options, names: names.map(String) });
else failures = await runSeeds(options);
Deno.exit(failures === 0 ? 0 : 1);

/**
 * `deno task model`: the proof that live series are whole where their coverage says so.
 *
 * - `[--seeds N] [--seed K] [--feed NAME] [--verbose]` runs seeds of the model, one after another.
 * - `--rows [NAME…] [--feed NAME] [--mode NAME]` runs what vendors do, one by one, over real sockets.
 * - `--plant [RULE] [--seeds N]` takes out each rule in turn, or those of whose sentence RULE is a part; the seed that the rule
 *   names must notice, or one of N.
 * - `--requests [--feed NAME] [--symbols 1000] [--minutes N]` counts what a day of many symbols asks of each vendor.
 * - `--outages [--feed NAME] [--symbols 1000]` measures how soon an hour's outage of many symbols is repaired.
 * - `--kills N [--seed K]` kills a process N times in wall-clock time.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { countRequests, measureOutages } from "../coverage/load/measure.ts";
import { runRows } from "../coverage/run_rows.ts";
import { runKills } from "./kills.ts";
import { runPlants } from "./plants.ts";
import { runSeeds } from "./seeds.ts";

const { rows, requests, outages, kills, plant, _: names, ...options } = parseArgs(Deno.args, {
  default: { symbols: 1000 },
  string: ["feed", "mode", "plant"],
  boolean: ["rows", "requests", "outages", "verbose"],
});

async function killAll(kills: number): Promise<number> {
  const { bars, silent, named } = await runKills(kills, options.seed, console.log);
  console.log(`${bars} bars, ${silent.length} differ in silence, ${named} are named`);
  for (const each of silent) console.log(`  SILENT ${each}`);
  return silent.length;
}

async function plantAll(only: string): Promise<number> {
  let unnoticed = 0;
  for await (const { plant: { rule }, seeds } of runPlants(only, options.seeds)) {
    console.log(`${seeds.length > 0 ? "noticed  " : "UNNOTICED"} ${rule}: seeds ${seeds.join(" ")}`);
    if (seeds.length === 0) unnoticed++;
  }
  return unnoticed;
}

let failures: number;
if (kills !== undefined) failures = await killAll(kills);
else if (plant !== undefined) failures = await plantAll(plant);
else if (requests) failures = await countRequests(options);
else if (outages) failures = await measureOutages(options);
else if (rows) failures = await runRows({ ...options, names: names.map(String) });
else failures = await runSeeds({ seeds: 1000, ...options });
Deno.exit(failures === 0 ? 0 : 1);

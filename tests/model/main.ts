/**
 * `deno task model`: the proof that live series are whole where their coverage says so.
 *
 * - `[--seeds N] [--seed K] [--feed NAME] [--verbose]` runs seeds of the model, one after another.
 * - `--rows [NAME…] [--feed NAME] [--mode NAME]` runs what vendors do, one by one, over real sockets.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { runRows } from "../coverage/run_rows.ts";
import { runSeeds } from "./seeds.ts";

const { rows, _: names, ...options } = parseArgs(Deno.args, {
  default: { seeds: 1000 },
  string: ["feed", "mode"],
  boolean: ["rows", "verbose"],
});
const failures = rows ? await runRows({ ...options, names: names.map(String) }) : await runSeeds(options);
Deno.exit(failures === 0 ? 0 : 1);

/**
 * The proof at any size:
 *
 *     deno task proof [--bars 1000000] [--rate 10000] [--every 4000] [--seed 1] [--binary dist/barline]
 *         [--namespaces]       # each edge on a host of its own, as Linux has it; wants root
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { useBinary } from "../support/process.ts";
import { prove } from "./run.ts";

const args = parseArgs(Deno.args, { string: ["bars", "rate", "every", "seed", "binary"], boolean: ["namespaces"] });
if (args.binary !== undefined) useBinary(Deno.realPathSync(args.binary));
await prove({
  bars: Number(args.bars ?? 1_000_000),
  rate: Number(args.rate ?? 10_000),
  disturbEveryMs: Number(args.every ?? 4000),
  seed: Number(args.seed ?? Math.trunc(Math.random() * 1e9)),
  namespaces: args.namespaces,
  report: console.log,
});

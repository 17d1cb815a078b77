/**
 * What the coverage of 10,000 symbols takes of memory, on bad days of which nothing is repaired.
 *
 *     deno run -A tests/bench/coverage.ts [--symbols 10000] [--streamed 1000] [--only NAME]
 *
 * Each day is measured in a process of its own.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { parseArgs } from "@std/cli/parse-args";
import { badDays, measureMemory } from "../coverage/load/memory.ts";

const { symbols, streamed, only, day } = parseArgs(Deno.args, {
  default: { symbols: 10_000, streamed: 1000, only: "" },
  string: ["only"],
});

if (day !== undefined) {
  const bytes = await measureMemory(badDays[day], { symbols, streamed });
  console.log(`${(bytes / 1e6).toFixed(1).padStart(6)} MB  ${badDays[day].name}`);
} else {
  for (const [at, { name }] of badDays.entries()) {
    if (!name.includes(only)) continue;
    const script = [fromFileUrl(import.meta.url), `--symbols=${symbols}`, `--streamed=${streamed}`, `--day=${at}`];
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--v8-flags=--expose-gc", ...script],
      stdout: "inherit",
      stderr: "inherit",
    }).spawn().status;
    if (!success) Deno.exit(1);
  }
}

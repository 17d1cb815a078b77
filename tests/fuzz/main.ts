/**
 * Fuzzes the parsers of the live feeds: however a frame is damaged, nothing is thrown, and nothing is read from it that is
 * not in it. And the readers of files: however one is damaged, it ends in bars or in a clear error.
 *
 *     deno task fuzz [--frames 1000000] [--files 20000] [--parser kraken|files] [--seed 1]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { CONTAINERS, fuzzFiles } from "./files.ts";
import { fuzzTws } from "./ibkr.ts";
import { createRandom, mutate } from "./mutate.ts";
import { check, type Parser, type Tally } from "./parser.ts";
import { parsers } from "./parsers.ts";

/**
 * Gives a parser that many damaged frames.
 *
 * @throws {Error} If it throws, or accepts nonsense; with the frame.
 */
export function fuzz(parser: Parser, frames: number, seed: number): Tally {
  const random = createRandom(seed);
  const tally: Tally = { frames: 0, bars: 0, sound: 0, rejected: 0 };
  while (tally.frames < frames) {
    const text = mutate(parser.frames, random);
    try {
      check(parser, text, tally);
    } catch (error) {
      throw new Error(`${parser.name}, seed ${seed}, frame ${tally.frames}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
  return tally;
}

/** Prints a row of the table. */
async function report(name: string, run: () => Tally | Promise<Tally>): Promise<void> {
  const startedAt = performance.now();
  const { frames, bars, sound, rejected } = await run();
  const perSecond = Math.round(frames / (performance.now() - startedAt) * 1000);
  const shown = [frames, bars, sound, rejected, perSecond].map((count) => count.toLocaleString("en-US"));
  console.log(`| ${name} | ${shown.join(" | ")} |`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["frames", "files", "parser", "seed"] });
  const frames = Number(args.frames ?? 1_000_000);
  const seed = Number(args.seed ?? 1);
  const isWanted = (name: string) => args.parser === undefined || name === args.parser;
  console.log(`| parser | frames | bars read | of them sound | rejected | frames/s |\n|---|--:|--:|--:|--:|--:|`);
  for (const parser of parsers.filter(({ name }) => isWanted(name))) {
    await report(parser.name, () => fuzz(parser, frames, seed));
  }
  if (isWanted("files")) {
    for (const name of CONTAINERS) {
      await report(`files: ${name}`, async () => {
        const { files, read, refused } = await fuzzFiles(name, Number(args.files ?? 20_000), seed);
        return { frames: files, bars: read, sound: read, rejected: refused };
      });
    }
  }
  if (isWanted("ibkr")) await report("ibkr", () => fuzzTws(frames, seed));
}

/**
 * Takes out each rule of the engine in turn, in a copy of the source, and shows which seeds notice.
 *
 * Of the first 60 seeds, those that notice first:
 *
 * - bars that history gave young are read again: 1, 6, 15
 * - an answer that lacks a stored bar proves nothing: none
 * - a live bar confirms when it is committed, not when it came: 8, 46
 * - a live bar that does not adjoin opens a doubt: 1, 2, 8
 * - a connection opens a doubt over the time before it: 1, 2, 3
 * - an interruption opens a doubt over bars that may have been corrected: 1, 11, 15
 * - an answer proves nothing beyond its newest bar: 5, 16, 18
 * - a quiet end is proved only after an hour: 25, 33, 39
 * - a correction is believed against an older history: 16, 25
 * - a stored bar settles no doubt about its values: none
 * - a start takes over what is known: 1, 5, 6
 * - bars ahead of their time are refused: 4, 10, 13
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { makeDirectory } from "../support/providers.ts";

/** A rule, and how it is taken out. */
export interface Plant {
  readonly rule: string;
  /** A file below `src/`, a text in it that is there once, and what stands there instead. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const live = (file: string) => `providers/live/${file}.ts`;

/** One plant for each rule. */
export const plants: readonly Plant[] = [
  {
    rule: "a live bar that does not adjoin opens a doubt",
    file: live("track"),
    from: "const isHole = ts > head && isOpenIn(track, head, ts);",
    to: "const isHole = false;",
  },
  {
    rule: "a connection opens a doubt over the time before it",
    file: live("coverage"),
    from: 'openDoubt(of, start, end, "interrupted", now());',
    to: "",
  },
  {
    rule: "an interruption opens a doubt over bars that may have been corrected",
    file: live("coverage"),
    from: "if (correctionMs === 0 || until",
    to: "if (correctionMs >= 0 || until",
  },
  {
    rule: "bars that history gave young are read again",
    file: live("reconcile"),
    from: "if (correctionMs === 0 || young.length === 0) return;",
    to: "if (correctionMs >= 0) return;",
  },
  {
    rule: "an answer proves nothing beyond its newest bar",
    file: live("evidence"),
    from: "const proved: Interval = [from, Math.min(reach, to)];",
    to: "const proved: Interval = [from, Math.max(reach, to)];",
  },
  {
    rule: "an answer that lacks a stored bar proves nothing",
    file: live("evidence"),
    from: "if (lacking.length > 0) return",
    to: "if (lacking.length < 0) return",
  },
  {
    rule: "a quiet end is proved only after an hour",
    file: live("evidence"),
    from: "QUIET_MS = 60 * 60_000",
    to: "QUIET_MS = 0",
  },
  {
    rule: "a correction is believed against an older history",
    file: live("compare"),
    from: 'known.bar.status === "correction" && now',
    to: "now < 0 && now",
  },
  {
    rule: "a stored bar settles no doubt about its values",
    file: live("track"),
    from: '["partial", "late", "corrected", "contradicted"]',
    to: "[]",
  },
  {
    rule: "a live bar confirms when it is committed, not when it came",
    file: live("connection"),
    from: 'tellOfBars("live", bars);\n',
    to:
      'tellOfBars("live", bars);\n      for (const { symbol, ts } of over) coverage.acked(symbol, ts, "committed");\n',
  },
  {
    rule: "a start takes over what is known",
    file: live("coverage"),
    from: "learn(of, before, now());",
    to: "",
  },
  {
    rule: "bars ahead of their time are refused",
    file: live("clock"),
    from: "if (aheadMs <= stepMs + MAX_AHEAD_MS) return undefined;",
    to: "if (aheadMs > 0) return undefined;",
  },
  {
    rule: "history that has not settled a doubt is asked again",
    file: live("urgency"),
    from: "BACKOFF_MS[attempts] ?? DAY_MS",
    to: "Infinity",
  },
];

/** What became of a plant. */
export interface PlantReport {
  readonly plant: Plant;
  /** Seeds that went wrong, and do not without it. */
  readonly seeds: readonly number[];
}

/** Runs that many seeds of each plant whose rule has `only` in it. */
export async function* runPlants(seeds: number, only = ""): AsyncGenerator<PlantReport> {
  const root = fromFileUrl(new URL("../../", import.meta.url));
  await using directory = await makeDirectory();
  for (const name of ["src", "tests", "deploy", "deno.json", "deno.lock"]) {
    await new Deno.Command("cp", { args: ["-r", join(root, name), directory.path] }).output();
  }
  const before = await runCopy(directory.path, seeds);
  for (const plant of plants.filter(({ rule }) => rule.includes(only))) {
    const path = join(directory.path, "src", plant.file);
    const source = await Deno.readTextFile(path);
    if (source.split(plant.from).length !== 2) {
      throw new Error(
        `Cannot plant "${plant.rule}": ${plant.file} does not hold its text once, change tests/model/plants.ts`,
      );
    }
    await Deno.writeTextFile(path, source.replace(plant.from, () => plant.to));
    const after = await runCopy(directory.path, seeds);
    await Deno.writeTextFile(path, source);
    yield { plant, seeds: after.filter((seed) => !before.includes(seed)) };
  }
}

/** Runs the seeds of a copy, and gives those that went wrong. */
async function runCopy(directory: string, seeds: number): Promise<number[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tests/model/main.ts", "--seeds", String(seeds)],
    cwd: directory,
    stderr: "inherit",
  }).output();
  const failed = /^Failed: (.*)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
  return failed === "" ? [] : failed.split(" ").map(Number);
}

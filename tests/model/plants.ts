/**
 * Takes out each rule of the engine in turn, in a copy of the source, and shows which seeds notice.
 *
 * Each plant names a seed that notices it.
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
  /** A seed that goes wrong with it. */
  readonly seed: number;
}

/** The root of the repository. */
export const ROOT = fromFileUrl(new URL("../../", import.meta.url));

const live = (file: string) => `providers/live/${file}.ts`;

/** One plant for each rule. */
export const plants: readonly Plant[] = [
  {
    rule: "a live bar that does not adjoin opens a doubt",
    seed: 1,
    file: live("coverage/track"),
    from: "const isHole = ts > head && isOpenIn(track, head, ts);",
    to: "const isHole = false;",
  },
  {
    rule: "a connection opens a doubt over the time before it",
    seed: 1,
    file: live("coverage"),
    from: 'openDoubt(of, start, end, "interrupted", now());',
    to: "",
  },
  {
    rule: "an interruption opens a doubt over bars that may have been corrected",
    seed: 1,
    file: live("coverage"),
    from: "if (correctionMs === 0 || until",
    to: "if (correctionMs >= 0 || until",
  },
  {
    rule: "a plain bar that was over before the subscription is compared with history",
    seed: 20,
    file: live("coverage"),
    from: "if (mayLackCorrection(of, bar)) {",
    to: "if (bar.ts < (before ?? -Infinity) && mayLackCorrection(of, bar)) {",
  },
  {
    rule: "bars that history gave young are read again",
    seed: 6,
    file: live("coverage/reconcile"),
    from: "if (correctionMs === 0 || young.length === 0) return;",
    to: "if (correctionMs >= 0) return;",
  },
  {
    rule: "an answer proves nothing beyond its newest bar",
    seed: 5,
    file: live("coverage/evidence"),
    from: "const proved: Interval = [from, Math.min(reach, to)];",
    to: "const proved: Interval = [from, Math.max(reach, to)];",
  },
  {
    rule: "an answer that lacks a stored bar proves nothing",
    seed: 1,
    file: live("coverage/evidence"),
    from: "if (lacking.length > 0) return",
    to: "if (lacking.length < 0) return",
  },
  {
    rule: "a quiet end is proved only after an hour",
    seed: 25,
    file: live("coverage/evidence"),
    from: "QUIET_MS = 60 * 60_000",
    to: "QUIET_MS = 0",
  },
  {
    rule: "a correction is believed against an older history",
    seed: 16,
    file: live("history/compare"),
    from: "known.isCorrection && now",
    to: "now < 0 && now",
  },
  {
    rule: "a live bar confirms when it is committed, not when it came",
    seed: 8,
    file: live("connection"),
    from: 'tellOfBars("live", bars);\n',
    to:
      'tellOfBars("live", bars);\n      for (const { symbol, ts } of over) coverage.acked(symbol, ts, "committed");\n',
  },
  {
    rule: "a stored bar settles no doubt about its values",
    seed: 13,
    file: live("coverage/track"),
    from: "const kept = doubts.filter((each) => !isAboutMissing(each)).map((each): Interval => [each.from, each.to]);",
    to: "const kept: Interval[] = [];",
  },
  {
    rule: "a start takes over what is known",
    seed: 1,
    file: live("coverage"),
    from: "learn(of, before, now());",
    to: "",
  },
  {
    rule: "bars ahead of their time are refused",
    seed: 4,
    file: live("clock"),
    from: "if (aheadMs <= stepMs + MAX_AHEAD_MS) return undefined;",
    to: "if (aheadMs > 0) return undefined;",
  },
  {
    rule: "history that has not settled a doubt is asked again",
    seed: 1,
    file: live("coverage/urgency"),
    from: "BACKOFF_MS[attempts] ?? DAY_MS",
    to: "Infinity",
  },
];

/** What became of a plant. */
export interface PlantReport {
  readonly plant: Plant;
  /** Seeds that went wrong. */
  readonly seeds: readonly number[];
}

/** The source that a plant is put into, with it. */
export function planted({ rule, file, from, to }: Plant, source: string): string {
  if (source.split(from).length === 2) return source.replace(from, () => to);
  throw new Error(`Cannot plant "${rule}": ${file} does not hold its text once, change tests/model/plants.ts`);
}

/** Runs the seed of each plant whose rule has `only` in it or, where that is given, as many seeds. */
export async function* runPlants(only = "", seeds?: number): AsyncGenerator<PlantReport> {
  await using directory = await makeDirectory();
  for (const name of ["src", "tests", "deploy", "deno.json", "deno.lock"]) {
    await new Deno.Command("cp", { args: ["-r", join(ROOT, name), directory.path] }).output();
  }
  for (const plant of plants.filter(({ rule }) => rule.includes(only))) {
    const path = join(directory.path, "src", plant.file);
    const source = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, planted(plant, source));
    const chosen = seeds === undefined ? ["--seed", String(plant.seed)] : ["--seeds", String(seeds)];
    yield { plant, seeds: await runCopy(directory.path, chosen) };
    await Deno.writeTextFile(path, source);
  }
}

/** Runs seeds of a copy, and gives those that went wrong. */
async function runCopy(directory: string, chosen: readonly string[]): Promise<number[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tests/model/main.ts", ...chosen],
    cwd: directory,
    stderr: "inherit",
  }).output();
  const failed = /^Failed: (.*)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
  return failed === "" ? [] : failed.split(" ").map(Number);
}

/**
 * Reads the format of files from the configuration.
 *
 * @module
 */
import { FILE_OPTIONS } from "../config/file_options.ts";
import { readFormat } from "../config/files.ts";
import type { CheckedConfig } from "../config/load.ts";
import type { OptionName } from "../config/options.ts";
import type { Result } from "../config/problem.ts";
import type { GivenFormat } from "../files/plan_file.ts";
import { recordKind } from "../records/mod.ts";

/** The format of files. `timeframe` is that of the files' provider. */
export function readFileFormat(
  timeframe: string,
  { settings, sources }: Pick<CheckedConfig, "settings" | "sources">,
): Result<GivenFormat> {
  const isGiven = (option: OptionName) => sources.get(option) !== "default";
  const read = readFormat({
    ...Object.fromEntries(FILE_OPTIONS.map((option) => [option, settings[option]])),
    timeUnit: isGiven("timeUnit") ? settings.timeUnit : undefined,
    timeframe: isGiven("timeframe") ? timeframe : undefined,
  }, recordKind(settings.kind[0]).fields.map(({ name }) => name));
  if (read.ok) return { ok: true, value: read.given };
  const sourceOf = (key: string) => sources.get(key as OptionName) ?? "the command line";
  return { ok: false, problems: read.problems.map((problem) => ({ ...problem, source: sourceOf(problem.key) })) };
}

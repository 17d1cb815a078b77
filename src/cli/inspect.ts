/** `barline inspect`, and `ingest --dry-run`. @module */
import { type Config, loadConfig } from "../config/load.ts";
import { ConfigError, type ConfigProblem } from "../config/problem.ts";
import { valueOf } from "../config/per_provider.ts";
import { SettingError } from "../providers/provider.ts";
import { findFiles, type FoundFiles, inspectFile, type Inspection, itemsOf } from "../providers/replay/mod.ts";
import { recordKind } from "../records/mod.ts";
import { DEFAULT_TIMEFRAME } from "../records/timeframe.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { environment } from "./environment.ts";
import { readFileFormat } from "../app/file_format.ts";
import { describeInspection } from "./inspect_report.ts";

/** Shows how files would be read. */
export async function run({ words, options, configFile }: Invocation): Promise<number> {
  if (words.length === 0) throw new UsageError("Cannot inspect nothing: give a file, as in barline inspect bars.csv");
  return await inspectFiles(words, loadConfig({ flags: options, ...environment(), file: configFile }));
}

/** Inspects each file, and returns the exit code: 1 if any could not be loaded. */
export async function inspectFiles(patterns: readonly string[], config: Config): Promise<number> {
  const { settings } = config;
  const timeframe = valueOf<string>(settings.timeframe, ["replay"]) ?? DEFAULT_TIMEFRAME;
  const format = readFileFormat(timeframe, config);
  const problems: ConfigProblem[] = format.ok ? [] : [...format.problems];
  let files: FoundFiles = { paths: [], unreadable: [] };
  try {
    files = findFiles(patterns);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    problems.push({ key: error.option, source: "the command line", message: error.message });
  }
  if (!format.ok || problems.length > 0) throw new ConfigError(problems);
  const reading = {
    kinds: [recordKind(settings.kind[0])],
    timeframe,
    timeUnit: settings.timeUnit,
    format: format.value,
  };
  let isSound = true;
  let isFirst = true;
  const show = (found: Inspection) => {
    isSound &&= found.error === undefined && found.questions === undefined;
    if (settings.json) console.log(JSON.stringify(found));
    else console.log(`${isFirst ? "" : "\n"}${describeInspection(found).map(printable).join("\n")}`);
    isFirst = false;
  };
  for (const path of files.paths) for (const found of await inspectPath(path, reading)) show(found);
  for (const { path, error } of files.unreadable) show({ file: path, warnings: [], error: error.message });
  return isSound ? EXIT.done : EXIT.failed;
}

async function inspectPath(path: string, reading: Parameters<typeof inspectFile>[1]): Promise<Inspection[]> {
  try {
    const found: Inspection[] = [];
    for (const item of itemsOf(path)) found.push(await inspectFile(item, reading));
    return found;
  } catch (error) {
    return [{ file: path, warnings: [], error: (error as Error).message }];
  }
}

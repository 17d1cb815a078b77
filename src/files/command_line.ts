/**
 * The command line that loads a file.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import type { GivenFormat, PlannedFile } from "./plan_file.ts";
import { shellWord } from "./questions.ts";

/** Placeholders for the answers that are still missing. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  "--constant": "symbol=SYMBOL",
  "--column": "ROLE=NAME",
  "--timeframe": "TIMEFRAME",
  "--time-zone": "ZONE",
  "--stamp": "START-OR-END",
  "--time-format": "FORMAT",
  "--time-unit": "UNIT",
  "--decimal": "MARK",
  "--encoding": "NAME",
  "--format": "NAME",
};

/**
 * Words of the command that loads the file: the given flags, the detected ones, and a placeholder for each missing
 * answer.
 */
export function commandLine(path: string, given: GivenFormat, planned: PlannedFile): string {
  const { preset } = planned;
  const name = given.name ?? preset?.name;
  const flags = given.flags ?? given.dialect;
  const found: Dialect = planned.ok && preset === undefined && !planned.findings.isNative
    ? foundBy(planned.plan.dialect, given.dialect)
    : {};
  const words = [
    ...["barline", "ingest", "--file", shellWord(path)],
    ...(name === undefined ? [] : ["--format", shellWord(name)]),
    ...flagsOf({ ...found, ...flags }).map(shellWord),
  ];
  if (planned.ok) return words.join(" ");
  const asked = planned.questions.flatMap(({ answer }) => answer.split(",")[0].match(/--[a-z-]+/g)?.slice(0, 1) ?? []);
  const missing = asked.flatMap((flag) => [flag, PLACEHOLDERS[flag] ?? "VALUE"]);
  return [...words, ...missing].join(" ");
}

/** The part of the dialect that was found in the file, not given. */
function foundBy(dialect: Dialect, given: Dialect): Dialect {
  const { delimiter, decimal, thousands, timeFormat, timeUnit, stamp } = dialect;
  const isOwn = given.timeFormat !== undefined || given.timeUnit !== undefined;
  return {
    delimiter: delimiter === "," ? undefined : delimiter,
    decimal,
    thousands,
    timeFormat: isOwn ? undefined : timeFormat,
    timeUnit: isOwn || timeUnit === "iso" ? undefined : timeUnit,
    stamp,
  };
}

const NAMES: Readonly<Record<string, string>> = { "\t": "tab", " ": "space" };

/** A dialect as flags. Keys without a flag belong in a dialect file. */
export function flagsOf(dialect: Dialect): string[] {
  const { columns = {}, constants = {}, header, null: nulls = [], symbolFrom = [] } = dialect;
  const one = (flag: string, value: string | number | undefined) =>
    value === undefined ? [] : [flag, NAMES[value] ?? String(value)];
  const pairs = (flag: string, of: Readonly<Record<string, string | number>>) =>
    Object.entries(of).flatMap(([role, value]) => [flag, `${role}=${value}`]);
  return [
    ...one("--delimiter", dialect.delimiter),
    ...one("--quote", dialect.quote),
    ...one("--decimal", dialect.decimal),
    ...one("--thousands", dialect.thousands),
    ...(header === 0 ? ["--no-header"] : []),
    ...one("--skip", dialect.skip),
    ...one("--comment", dialect.comment),
    ...nulls.flatMap((text) => ["--null", text]),
    ...pairs("--column", columns),
    ...pairs("--constant", constants),
    ...symbolFrom.flatMap((pattern) => ["--symbol-from", pattern]),
    ...one("--timeframe", dialect.timeframe),
    ...one("--time-format", dialect.timeFormat),
    ...one("--time-unit", dialect.timeUnit),
    ...one("--time-zone", dialect.timeZone),
    ...one("--ambiguous", dialect.ambiguous),
    ...one("--stamp", dialect.stamp),
    ...one("--price-scale", dialect.priceScale),
    ...one("--encoding", dialect.encoding),
  ];
}

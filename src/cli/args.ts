/**
 * Parses arguments: unknown options are refused, with the nearest known name.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { nearestWord } from "../config/nearest.ts";
import type { OptionName, OptionSpec } from "../config/options.ts";
import { type Command, type Invocation, optionsOf, UsageError } from "./command.ts";

/**
 * Parses the arguments after a command's name.
 *
 * @throws {UsageError} If an option is unknown or lacks its value.
 */
export async function parseInvocation(name: string, command: Command, args: readonly string[]): Promise<Invocation> {
  const specs = await loadOptions(command, args);
  const own = command.flags ?? [];
  const known = [...specs.map(({ flag }) => flag), ...own.map((flag) => flag.name), "config", "help"];
  const withValue = [
    ...specs.filter(({ type }) => type !== "flag").map(({ flag }) => flag),
    ...own.filter(({ value }) => value !== undefined).map((flag) => flag.name),
    "config",
  ];
  const long = new Map(own.flatMap(({ short, name }) => short === undefined ? [] : [[`-${short}`, `--${name}`]]));
  const joined = joinValues(args.map((argument) => long.get(argument) ?? argument), withValue);
  const parsed = parseArgs(joined, {
    string: [...withValue, "_"],
    boolean: [
      ...specs.filter(({ type }) => type === "flag").map(({ flag }) => flag),
      ...own.filter(({ value }) => value === undefined).map((flag) => flag.name),
    ],
    collect: [
      ...specs.filter(({ type }) => type === "list").map(({ flag }) => flag),
      ...own.filter(({ isList }) => isList).map((flag) => flag.name),
    ],
    unknown(argument: string, key?: string) {
      if (key === undefined) return true;
      const nearest = nearestWord(key, known);
      const meant = nearest === undefined ? `barline ${name} --help lists them` : `did you mean --${nearest}?`;
      throw new UsageError(`Cannot understand ${argument.split("=", 1)[0]}: "${name}" has no such option, ${meant}`);
    },
  });
  const given = (flag: string) =>
    joined.some((argument) => argument === `--${flag}` || argument.startsWith(`--${flag}=`));
  const options = new Map<OptionName, unknown>();
  for (const spec of specs) if (given(spec.flag)) options.set(spec.name, parsed[spec.flag]);
  const flags = new Map<string, string | true>();
  const lists = new Map<string, readonly string[]>();
  for (const flag of own.filter(({ name }) => given(name))) {
    if (flag.isList) lists.set(flag.name, parsed[flag.name]);
    else flags.set(flag.name, parsed[flag.name]);
  }
  return { words: parsed._.map(String), options, flags, lists, configFile: parsed.config };
}

/** Options that the arguments may name. Their table is only loaded if the arguments need it. */
async function loadOptions(command: Command, args: readonly string[]): Promise<OptionSpec[]> {
  const own = (command.flags ?? []).map(({ name }) => `--${name}`);
  if (args.every((argument) => !argument.startsWith("-") || own.includes(argument.split("=", 1)[0]))) return [];
  return optionsOf(command, (await import("../config/options.ts")).flagSpecs);
}

/**
 * Writes `--limit -5` as `--limit=-5`: the parser would mistake a value that starts with a dash for another option,
 * also the lone dash of standard input.
 *
 * @throws {UsageError} If an option lacks its value.
 */
function joinValues(args: readonly string[], withValue: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at];
    if (!argument.startsWith("--") || !withValue.includes(argument.slice(2))) {
      joined.push(argument);
      continue;
    }
    const value = args[++at];
    if (value === undefined || value.startsWith("--")) {
      throw new UsageError(`Cannot use ${argument}: it wants a value, as in ${argument}=VALUE`);
    }
    joined.push(`${argument}=${value}`);
  }
  return joined;
}

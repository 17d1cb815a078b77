/**
 * Help texts, made from the command table and the option table.
 *
 * @module
 */
import { flagSpecs, type OptionSpec } from "../config/options.ts";
import { type Command, optionsOf } from "./command.ts";
import { EXIT_CODES } from "./exit.ts";

const WIDTH = 30;

function row(left: string, right: string): string {
  return left.length < WIDTH ? `  ${left.padEnd(WIDTH)}${right}` : `  ${left}\n  ${" ".repeat(WIDTH)}${right}`;
}

/** Help for the program. */
export function describeProgram(commands: Readonly<Record<string, Command>>): string {
  return [
    "Barline streams market data bars into PostgreSQL, and loses none.",
    "",
    "Usage: barline <command> [options]",
    "",
    "Commands:",
    ...Object.entries(commands).map(([name, { summary }]) => row(name, summary)),
    "",
    "Exit codes (the first of 2, 4, 1, 5, 130 that applies):",
    ...EXIT_CODES.map(({ codes, meaning }) => row(codes, meaning)),
    "",
    "Examples:",
    "  barline ingest --limit 1000                      # the mock provider, into an embedded PostgreSQL",
    "  barline ingest --file bars.csv --database postgres://user@host/market",
    "  barline ingest --help",
    "",
  ].join("\n");
}

/** Help for one command. */
export function describeCommand(name: string, command: Command): string {
  const lines = [`${command.summary}`, "", `Usage: barline ${name} ${command.usage ?? "[options]"}`, ""];
  if (command.subcommands !== undefined) {
    lines.push("Subcommands:");
    for (const [word, help] of Object.entries(command.subcommands)) lines.push(row(word, help));
    lines.push("");
  }
  lines.push("Options:");
  for (const { name, value, help } of command.flags ?? []) {
    lines.push(row(`--${name}${value ? ` ${value}` : ""}`, help));
  }
  for (const spec of optionsOf(command, flagSpecs)) {
    lines.push(row(`--${spec.flag}${spec.value ? ` ${spec.value}` : ""}`, describeOption(spec)));
  }
  lines.push(row("--config FILE", "YAML file with the same options, as in batchSize: 2000"));
  lines.push(row("--help", "this text"), "");
  if (optionsOf(command, flagSpecs).length > 0) {
    lines.push("Each option is also an environment variable (--batch-size: BARLINE_BATCH_SIZE) and a key of the YAML");
    lines.push("file (batchSize). Flags win over the environment, it over .env, that over the file.", "");
  }
  lines.push("Examples:", ...command.examples.map((example) => `  barline ${example}`), "");
  return lines.join("\n");
}

/** The effect of an option, with its default where the text does not have it. */
export function describeOption({ help, default: value }: OptionSpec): string {
  const isTold = help.includes("[") || value === undefined || value === false || String(value) === "";
  return isTold ? help : `${help} [${value}]`;
}

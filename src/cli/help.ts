/**
 * Help texts, from the command table and the option table.
 *
 * @module
 */
import { optionGroups } from "../config/groups.ts";
import { flagSpecs, type OptionName, type OptionSpec } from "../config/options.ts";
import { type Command, optionsOf } from "./command.ts";
import { EXIT_CODES } from "./exit.ts";

/** Widths of the left side, and of a line. */
const LEFT = 30;
const LINE = 120;

/** A row of two sides, the right one wrapped. */
function row(left: string, right: string): string {
  const lines = right.match(new RegExp(`\\S.{0,${LINE - LEFT - 3}}(?=\\s|$)|\\S+`, "g")) ?? [""];
  const indent = `\n  ${" ".repeat(LEFT)}`;
  return `  ${left.length < LEFT ? left.padEnd(LEFT) : left + indent}${lines.join(indent)}`;
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
    "  barline help ingest",
    "",
  ].join("\n");
}

/** Most options shown without groups, and in full. */
const FEW = 25;

/** Help for one command; for many options the short help shows those that most people need. */
export function describeCommand(name: string, command: Command, scope: "short" | "all" = "short"): string {
  const { summary, usage = "[options]", subcommands = {}, flags = [], examples, groupExamples = {} } = command;
  const lines = [summary, "", `Usage: barline ${name} ${usage}`, ""];
  if (Object.keys(subcommands).length > 0) {
    lines.push("Subcommands:", ...Object.entries(subcommands).map(([word, help]) => row(word, help)), "");
  }
  const specs = optionsOf(command, flagSpecs);
  const own = flags.map(({ name, short, value, help }) =>
    row(`${short === undefined ? "" : `-${short}, `}--${name}${value ? ` ${value}` : ""}`, help)
  );
  const last = [
    row("--config FILE", "YAML file with the same options, as in batchSize: 2000"),
    row("--help", "show this text"),
  ];
  if (specs.length <= FEW) lines.push("Options:", ...own, ...specs.map(describeRow), ...last, "");
  else {
    if (own.length > 0) lines.push("Options:", ...own, "");
    for (const { title, common, further } of optionGroups) {
      const names: readonly OptionName[] = scope === "all" ? [...common, ...further] : common;
      const shown = specs.filter((spec) => names.includes(spec.name));
      if (shown.length === 0) continue;
      lines.push(`${title}:`, ...shown.map(describeRow));
      const example = groupExamples[title];
      if (example !== undefined) lines.push(row("  for example", `barline ${example}`));
      lines.push("");
    }
    lines.push("Also:", ...last, "");
  }
  if (specs.length > FEW && scope === "short") {
    lines.push(`barline help ${name} all shows all ${specs.length + flags.length + 2} options.`, "");
  }
  if (specs.length > 0) {
    lines.push("Each option is also an environment variable (--batch-size: BARLINE_BATCH_SIZE) and a key of the YAML");
    lines.push("file (batchSize). Flags win over the environment, it over .env, that over the file.", "");
  }
  lines.push("Examples:", ...examples.map((example) => `  barline ${example}`), "");
  return lines.join("\n");
}

function describeRow(spec: OptionSpec): string {
  return row(`--${spec.flag}${spec.value ? ` ${spec.value}` : ""}`, describeOption(spec));
}

/** The help of an option, with its default unless the text has it. */
export function describeOption({ help, default: value }: OptionSpec): string {
  const isTold = help.includes("[") || value === undefined || value === false || String(value) === "";
  return isTold ? help : `${help} [${value}]`;
}

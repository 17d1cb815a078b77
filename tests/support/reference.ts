/**
 * Pages of the reference that are made whole from what the code declares: commands, metrics and routes.
 *
 * @module
 */
import { commands } from "../../src/cli/commands/mod.ts";
import { type Command, optionsOf } from "../../src/cli/command.ts";
import { flagSpecs } from "../../src/config/options.ts";
import { routes } from "../../src/http/server.ts";
import { type DeclaredMetric, readMetrics } from "./registries.ts";

/** Text as a cell of a table holds it. */
export const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The lines of `cli.md`: each command with its flags, the options that it uses, and examples. */
export function makeCommands(): string[] {
  const rows = Object.entries(commands).map(([name, { summary }]) => `| [${name}](#barline-${name}) | ${summary} |`);
  return ["| command | what it does |", "|---|---|", ...rows, ...Object.entries(commands).flatMap(makeCommand)];
}

function makeCommand([name, command]: [string, Command]): string[] {
  const { summary, usage = "[options]", subcommands = {}, flags = [], examples } = command;
  const lines = ["", `## barline ${name}`, "", `${summary}.`, "", `    barline ${name} ${usage}`];
  if (Object.keys(subcommands).length > 0) {
    lines.push("", "| subcommand | what it does |", "|---|---|");
    for (const [word, help] of Object.entries(subcommands)) lines.push(`| \`${word}\` | ${cell(help)} |`);
  }
  if (flags.length > 0) {
    lines.push("", "| flag | what it does |", "|---|---|");
    for (const { name, value, help } of flags) {
      lines.push(`| \`--${name}${value === undefined ? "" : ` ${cell(value)}`}\` | ${cell(help)} |`);
    }
  }
  const options = optionsOf(command, flagSpecs);
  if (options.length === flagSpecs.length) lines.push("", "It takes all [options](configuration.md).");
  else if (options.length > 0) {
    const all = options.map(({ flag }) => `\`--${flag}\``).join(" ");
    lines.push("", `It takes these [options](configuration.md): ${all}.`);
  }
  return [...lines, "", "Examples:", "", ...examples.map((example) => `    barline ${example}`)];
}

/** The lines of `metrics.md`: those of tenants, and those of the process. */
export async function makeMetrics(): Promise<string[]> {
  const metrics = await readMetrics();
  const table = (chosen: DeclaredMetric[]) => [
    "| metric | type | labels | what it counts |",
    "|---|---|---|---|",
    ...chosen.map(({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${cell(help)} |`
    ),
  ];
  return [
    "## Of a tenant",
    "",
    ...table(metrics.filter(({ isOfProcess }) => !isOfProcess)),
    "",
    "## Of the process",
    "",
    ...table(metrics.filter(({ isOfProcess }) => isOfProcess)),
  ];
}

/** The lines of `http.md`: all routes, but for the files of the cockpit. */
export function makeRoutes(): string[] {
  const rows = Object.entries(routes).filter(([path]) => !path.startsWith("/cockpit/")).map((
    [path, { method, access, about, takes = "" }],
  ) => `| \`${method} ${path}\` | ${access} | ${cell(takes)} | ${cell(about)} |`);
  return ["| route | access | query or body | what it answers or does |", "|---|---|---|---|", ...rows];
}

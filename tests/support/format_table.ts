/**
 * The table of formats of `docs/files.md`, made from the presets.
 *
 * @module
 */
import type { Preset } from "../../src/files/preset.ts";
import { presets } from "../../src/files/presets/mod.ts";
import { cell } from "./reference.ts";

/** The lines of the table, and an example of each format below it. */
export function makeFormats(): string[] {
  const all = [...presets.values()];
  const rows = all.map((preset) =>
    `| [\`${preset.name}\`](#format-${preset.name}) | ${cell(preset.about)} | ${preset.signatures ? "yes" : ""} | ${
      cell(describeTimes(preset))
    } | ${cell(describeName(preset))} |`
  );
  return [
    "| format | files | told from the file | times | symbol and timeframe from the name |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "## Examples",
    ...all.flatMap(describeExample),
  ];
}

function describeTimes({ dialect }: Preset): string {
  const { timeZone, stamp, timeframe } = dialect;
  const isDaily = timeframe === "1d";
  if (isDaily) return "days";
  return [timeZone ?? "", stamp === undefined ? "stamp asked for" : `stamp at the ${stamp}`].filter(Boolean).join(", ");
}

const describeName = ({ dialect }: Preset) =>
  (dialect.symbolFrom ?? []).map((pattern) => "`" + pattern + "`").join(" ");

function describeExample({ name, about, file, example, notes }: Preset): string[] {
  return [
    "",
    `### Format ${name}`,
    "",
    `${about}, as in \`${file}\`.${notes === undefined ? "" : ` ${notes}`}`,
    "",
    ...example.map((line) => `    ${line}`),
  ];
}

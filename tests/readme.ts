/**
 * The option table of the README, made from the option table of the code.
 *
 *     deno run -RW tests/readme.ts        # writes it into README.md
 *
 * @module
 */
import { optionSpecs } from "../src/config/options.ts";

const README = new URL("../README.md", import.meta.url);

/** The README with the table as it should be. */
export function withOptions(readme: string): string {
  const rows = optionSpecs.map(({ flag, value, variables, help }) =>
    `| \`--${flag}${value === undefined ? "" : ` ${value.replaceAll("|", "\\|")}`}\` | ${
      variables.map((variable) => `\`${variable}\``).join(" ")
    } | ${help.replaceAll("|", "\\|")}${describeDefault(flag)} |`
  );
  const table = ["| flag | environment | what it does |", "|---|---|---|", ...rows].join("\n");
  return readme.replace(/(<!-- options -->\n)[^]*(<!-- \/options -->)/, `$1\n${table}\n\n$2`);
}

function describeDefault(flag: string): string {
  const spec = optionSpecs.find((each) => each.flag === flag)!;
  if (spec.default === undefined || spec.default === false || spec.help.includes("[")) return "";
  return ` [${spec.default}]`;
}

if (import.meta.main) {
  Deno.writeTextFileSync(README, withOptions(Deno.readTextFileSync(README)));
}

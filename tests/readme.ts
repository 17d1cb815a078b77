/**
 * The option table of the README, made from the option table of the code.
 *
 *     deno run -RW tests/readme.ts        # writes it into README.md
 *
 * @module
 */
import { describeOption } from "../src/cli/help.ts";
import { flagSpecs } from "../src/config/options.ts";

const README = new URL("../README.md", import.meta.url);

/** The README with the table as it should be. */
export function withOptions(readme: string): string {
  const rows = flagSpecs.map((spec) =>
    `| \`--${spec.flag}${spec.value === undefined ? "" : ` ${spec.value.replaceAll("|", "\\|")}`}\` | ${
      spec.variables.map((variable) => `\`${variable}\``).join(" ")
    } | ${describeOption(spec).replaceAll("|", "\\|")} |`
  );
  const table = ["| flag | environment | what it does |", "|---|---|---|", ...rows].join("\n");
  return readme.replace(/(<!-- options -->\n)[^]*(<!-- \/options -->)/, `$1\n${table}\n\n$2`);
}

if (import.meta.main) {
  Deno.writeTextFileSync(README, withOptions(Deno.readTextFileSync(README)));
}

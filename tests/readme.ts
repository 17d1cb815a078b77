/**
 * The tables of options and of exit codes of the README, made from those of the code.
 *
 *     deno run -RW tests/readme.ts        # writes it into README.md
 *
 * @module
 */
import { EXIT_CODES } from "../src/cli/exit.ts";
import { describeOption } from "../src/cli/help.ts";
import { flagSpecs } from "../src/config/options.ts";

const README = new URL("../README.md", import.meta.url);

/** The README with the tables as they should be. */
export function withTables(readme: string): string {
  return withExitCodes(withOptions(readme));
}

function withExitCodes(readme: string): string {
  const rows = EXIT_CODES.map(({ codes, meaning }) => `| ${codes} | ${meaning.replaceAll("--strict", "`--strict`")} |`);
  const table = ["| exit code | meaning |", "|---|---|", ...rows].join("\n");
  return readme.replace(/(<!-- exit codes -->\n)[^]*(<!-- \/exit codes -->)/, `$1\n${table}\n\n$2`);
}

function withOptions(readme: string): string {
  const rows = flagSpecs.map((spec) =>
    `| \`--${spec.flag}${spec.value === undefined ? "" : ` ${spec.value.replaceAll("|", "\\|")}`}\` | ${
      spec.variables.map((variable) => `\`${variable}\``).join(" ")
    } | ${describeOption(spec).replaceAll("|", "\\|")} |`
  );
  const table = ["| flag | environment | what it does |", "|---|---|---|", ...rows].join("\n");
  return readme.replace(/(<!-- options -->\n)[^]*(<!-- \/options -->)/, `$1\n${table}\n\n$2`);
}

if (import.meta.main) {
  Deno.writeTextFileSync(README, withTables(Deno.readTextFileSync(README)));
}

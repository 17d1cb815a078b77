/**
 * The generated parts of the documentation: the tables of options and of exit codes, made from those of the code.
 *
 *     deno task docs        # writes them into docs/
 *
 * @module
 */
import { EXIT_CODES } from "../src/cli/exit.ts";
import { describeOption } from "../src/cli/help.ts";
import { flagSpecs } from "../src/config/options.ts";

/** A table of a page, between the comments `<!-- name -->` and `<!-- /name -->`. */
interface Generated {
  readonly page: string;
  readonly name: string;
  make(): string[];
}

const GENERATED: readonly Generated[] = [
  { page: "reference/configuration.md", name: "options", make: makeOptions },
  { page: "deployment.md", name: "exit codes", make: makeExitCodes },
];

/** The pages that have generated parts. */
export const PAGES: ReadonlySet<string> = new Set(GENERATED.map(({ page }) => page));

/** Where a page of the documentation lies. */
export const pageUrl = (page: string) => new URL(`../docs/${page}`, import.meta.url);

/** The text of a page with its generated parts as they should be. */
export function generate(page: string, text: string): string {
  for (const { name, make } of GENERATED.filter((each) => each.page === page)) {
    const part = new RegExp(`(<!-- ${name} -->\\n)[^]*(<!-- /${name} -->)`);
    if (!part.test(text)) throw new Error(`docs/${page} has no <!-- ${name} -->`);
    text = text.replace(part, (_, begin, end) => [begin, ...make(), "", end].join("\n"));
  }
  return text;
}

function makeExitCodes(): string[] {
  const rows = EXIT_CODES.map(({ codes, meaning }) => `| ${codes} | ${meaning.replaceAll("--strict", "`--strict`")} |`);
  return ["| exit code | meaning |", "|---|---|", ...rows];
}

function makeOptions(): string[] {
  const rows = flagSpecs.map((spec) =>
    `| \`--${spec.flag}${spec.value === undefined ? "" : ` ${spec.value.replaceAll("|", "\\|")}`}\` | ${
      spec.variables.map((variable) => `\`${variable}\``).join(" ")
    } | ${describeOption(spec).replaceAll("|", "\\|")} |`
  );
  return ["| flag | environment | what it does |", "|---|---|---|", ...rows];
}

if (import.meta.main) {
  for (const page of PAGES) {
    const url = pageUrl(page);
    Deno.writeTextFileSync(url, generate(page, Deno.readTextFileSync(url)));
  }
}

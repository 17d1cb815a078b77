/**
 * The generated parts of the documentation, made from what the code declares: options, exit codes, commands, metrics,
 * routes and kinds of records.
 *
 *     deno task docs        # writes them into docs/
 *
 * @module
 */
import { EXIT_CODES } from "../src/cli/exit.ts";
import { describeOption } from "../src/cli/help.ts";
import { optionGroups } from "../src/config/groups.ts";
import { flagSpecs, type OptionName } from "../src/config/options.ts";
import { providers, rowName } from "../src/providers/mod.ts";
import { SERIES } from "../src/records/columns.ts";
import { recordKind, recordKinds } from "../src/records/mod.ts";
import { makeFormats } from "./support/format_table.ts";
import { cell, makeCommands, makeMetrics, makeRoutes } from "./support/reference.ts";

/** A part of a page, between the comments `<!-- name -->` and `<!-- /name -->`. */
interface Generated {
  readonly page: string;
  readonly name: string;
  make(): string[] | Promise<string[]>;
}

const GENERATED: readonly Generated[] = [
  { page: "reference/configuration.md", name: "options", make: makeOptions },
  { page: "reference/cli.md", name: "commands", make: makeCommands },
  { page: "reference/metrics.md", name: "metrics", make: makeMetrics },
  { page: "reference/http.md", name: "routes", make: makeRoutes },
  { page: "reference/kinds.md", name: "kinds", make: makeKinds },
  { page: "files.md", name: "formats", make: makeFormats },
  { page: "providers.md", name: "declared", make: makeProviders },
  { page: "deployment.md", name: "exit codes", make: makeExitCodes },
];

/** The pages that have generated parts. */
export const PAGES: ReadonlySet<string> = new Set(GENERATED.map(({ page }) => page));

/** Where a page of the documentation lies. */
export const pageUrl = (page: string) => new URL(`../docs/${page}`, import.meta.url);

/** The text of a page with its generated parts as they should be. */
export async function generate(page: string, text: string): Promise<string> {
  for (const { name, make } of GENERATED.filter((each) => each.page === page)) {
    const part = new RegExp(`(<!-- ${name} -->\\n)[^]*(<!-- /${name} -->)`);
    if (!part.test(text)) throw new Error(`docs/${page} has no <!-- ${name} -->`);
    const lines = await make();
    text = text.replace(part, (_, begin, end) => [begin, ...lines, "", end].join("\n"));
  }
  return text;
}

/** What providers declare, of those that have asset classes of their own. */
function makeProviders(): string[] {
  const rows = Object.entries(providers).flatMap(([name, { assets, history, delayMs, account }]) => {
    if (rowName(name) !== name || assets === "any") return [];
    const delay = delayMs === 0 ? "" : ` (cheapest plan: ${delayMs / 60_000} minutes late)`;
    const connections = account === "single" ? "one an account" : "any number";
    return [`| \`${name}\` | ${assets.join(", ")}${delay} | ${history ?? "none"} | ${connections} |`];
  });
  return ["| provider | asset classes | history goes back | connections |", "|---|---|---|---|", ...rows];
}

function makeExitCodes(): string[] {
  const rows = EXIT_CODES.map(({ codes, meaning }) => `| ${codes} | ${meaning.replaceAll("--strict", "`--strict`")} |`);
  return ["| exit code | meaning |", "|---|---|", ...rows];
}

function makeOptions(): string[] {
  return optionGroups.flatMap(({ title, common, further }) => {
    const names: readonly OptionName[] = [...common, ...further];
    const rows = flagSpecs.filter(({ name }) => names.includes(name)).map((spec) =>
      `| \`--${spec.flag}${spec.value === undefined ? "" : ` ${cell(spec.value)}`}\` | ${
        spec.variables.map((variable) => `\`${variable}\``).join(" ")
      } | ${cell(describeOption(spec))} |`
    );
    return [`### ${title}`, "", "| flag | environment | what it does |", "|---|---|---|", ...rows, ""];
  }).slice(0, -1);
}

function makeKinds(): string[] {
  const names = Object.keys(recordKinds).map(recordKind);
  return names.flatMap(({ name, table, view, keyColumns, fields, columns }) => [
    `## ${name}`,
    "",
    `Table \`${table}\`, view \`${view}\`. A series has one record for each \`${keyColumns.join("`, `")}\`.`,
    "",
    "| field | type | column | in files also | meaning |",
    "|---|---|---|---|---|",
    ...fields.map(({ name, type, optional, isNeeded, place, aliases, about = "" }) => {
      const column = columns.find((column) => place !== SERIES && column.place === place)?.name;
      const presence = isNeeded ? "" : optional ? ", optional" : ", optional in files";
      const shown = [name, column].map((each) => each === undefined ? "" : `\`${each}\``);
      return `| ${shown[0]} | ${type}${presence} | ${shown[1]} | ${aliases.map((each) => `\`${each}\``).join(" ")} | ${
        cell(about)
      } |`;
    }),
    "",
  ]).slice(0, -1);
}

if (import.meta.main) {
  for (const page of PAGES) {
    const url = pageUrl(page);
    Deno.writeTextFileSync(url, await generate(page, Deno.readTextFileSync(url)));
  }
}

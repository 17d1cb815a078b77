/**
 * What the documentation tells people to type: commands, flags, variables, tasks and metrics exist.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parseInvocation } from "../src/cli/args.ts";
import { type Command, optionsOf } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands/mod.ts";
import { flagSpecs } from "../src/config/options.ts";
import { functions, relations } from "../src/database/schema/description.ts";
import denoConfig from "../deno.json" with { type: "json" };
import { readMetrics } from "./support/registries.ts";
import { readBelow, readPages } from "./support/pages.ts";
import { ROOT } from "./support/source.ts";

const pages = await readPages();

/** How the program is called in the documentation, and the command that a call begins with. */
const CALLS = /^(?:npx -y deno@[\d.]+ |deno )?(?:(?:dist\/)?barline|run -A main\.ts|task (?=ingest\b)) *(.*)$/;
const TASK = /^(?:npx -y deno@[\d.]+|deno) task ([\w:-]+)/;

/** The commands of indented blocks, without comments, variables before them, and what they are piped from or into. */
function readCommands(page: string): string[] {
  const lines = page.split("\n").filter((line) => /^ {4,6}\S/.test(line)).map((line) => line.trim());
  return lines.flatMap((line) => line.replace(/ +#.*$/, "").split(" | "))
    .map((line) => line.replace(/^(?:[A-Z_]+=(?:\$\(.*?\)|\S+) +|… +)+/, "").replace(/ *[>&].*$/, ""));
}

/** Words as a shell splits them. */
function split(line: string): string[] {
  return Array.from(line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g), ([word]) => word.replaceAll(/['"]/g, ""));
}

async function explain(call: string): Promise<string | undefined> {
  const [name, ...rest] = split(call);
  if (!Object.hasOwn(commands, name)) return "there is no such command";
  const command: Command = commands[name];
  try {
    const { words: [word = command.defaultWord] } = await parseInvocation(name, command, rest);
    const known = command.subcommands;
    if (known === undefined && command.takesWords) return;
    if (known === undefined ? word !== undefined : !Object.hasOwn(known, word ?? "")) return `it has no word ${word}`;
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("each command of the documentation has the command, words and options that it names", async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const [path, page] of pages) {
    for (const line of readCommands(page)) {
      const task = TASK.exec(line)?.[1];
      if (task !== undefined && !Object.hasOwn(denoConfig.tasks, task)) wrong.push(`${path}: ${line}: no such task`);
      const call = CALLS.exec(line)?.[1];
      // The usage lines of the reference name several.
      if (call === undefined || /\[|\w\|\w/.test(call)) continue;
      count++;
      const problem = await explain(call);
      if (problem !== undefined) wrong.push(`${path}: ${line}: ${problem}`);
    }
  }
  assert(count > 100, `${count} are found`);
  assertEquals(wrong, []);
});

Deno.test("each flag that the documentation names is one of the program, or of a task", () => {
  const known = new Set([
    ...flagSpecs.map(({ flag }) => flag),
    ...Object.values(commands).flatMap((command) => [
      ...(command.flags ?? []).map(({ name }) => name),
      ...optionsOf(command, flagSpecs).map(({ flag }) => flag),
    ]),
    ...["config", "help"],
    // Of tasks, and of V8.
    ...[
      "against",
      "base-url",
      "binary",
      "bars",
      "from-source",
      "minutes",
      "namespaces",
      "outages",
      "peers",
      "quick",
      "rounds",
      "rows",
      "seed",
      "target",
      "trials",
    ],
    "optimize-for-size",
  ]);
  const wrong: string[] = [];
  for (const [path, page] of pages) {
    for (const [, flag] of page.matchAll(/`--([a-z][a-z-]*)/g)) if (!known.has(flag)) wrong.push(`${path}: --${flag}`);
  }
  assertEquals(wrong, []);
});

Deno.test("each file of the repository that the documentation names is there", async () => {
  const wrong: string[] = [];
  for (const [path, page] of pages) {
    for (const [, file] of page.matchAll(/`((?:src|tests|deploy)\/[\w./-]+)`/g)) {
      if (file.includes("NAME")) continue;
      await Deno.stat(join(ROOT, file)).catch(() => wrong.push(`${path}: ${file}`));
    }
  }
  assertEquals(wrong, []);
});

Deno.test("each variable and metric that the documentation names exists", async () => {
  const texts = [...await readBelow("src", ".ts"), ...await readBelow("tests/support", ".ts")];
  const program = texts.map(([, text]) => text).join("\n");
  const variables = new Set(flagSpecs.flatMap((spec) => spec.variables));
  const metrics = new Set((await readMetrics()).flatMap(({ name }) => [name, `${name}_bucket`]));
  const tables = new Set([...relations, ...functions].map(({ name }) => name));
  const wrong: string[] = [];
  for (const [path, page] of pages) {
    for (const [name] of page.matchAll(/\bBARLINE_[A-Z_]+[A-Z]\b/g)) {
      if (!variables.has(name) && !program.includes(`"${name}"`)) wrong.push(`${path}: ${name}`);
    }
    for (const [, name] of page.matchAll(/`((?:barline|mds|sink|process)_[a-z0-9_]+[a-z0-9])(?![a-z_]*_\{)/g)) {
      if (!metrics.has(name) && !tables.has(name) && !program.includes(name)) wrong.push(`${path}: ${name}`);
    }
  }
  assertEquals(wrong, []);
});

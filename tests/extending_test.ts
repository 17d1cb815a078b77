/**
 * The examples of docs/extending*.md. Each is written to a file whose imports lead into the program; those that are tests
 * register themselves.
 */
import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, toFileUrl } from "@std/path";
import type { Command } from "../src/cli/command.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
const pages = ["docs/extending.md", "docs/extending-sink.md"].map((path) => Deno.readTextFileSync(join(ROOT, path)));
const examples = new Map(
  Array.from(pages.join("").matchAll(/```ts\n\/\/ (\S+)\n([^]*?)```/g), ([, path, code]) => [path, code]),
);
const directory = await Deno.makeTempDir({ prefix: "barline-examples-" });
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

/** Where an example lies: what it imports of the program is the program's, what it imports of the page is beside it. */
const placeOf = (path: string) => join(directory, path.replaceAll("/", "_"));

for (const [path, code] of examples) {
  const resolved = code.replace(/(from |import\()"(\.[^"]+)"/g, (_, before, specifier) => {
    const target = join(dirname(path), specifier);
    return `${before}"${toFileUrl(examples.has(target) ? placeOf(target) : join(ROOT, target)).href}"`;
  });
  await Deno.writeTextFile(placeOf(path), resolved);
}

const load = (path: string) => import(toFileUrl(placeOf(path)).href);

for (const path of examples.keys()) if (path.startsWith("tests/")) await load(path);

Deno.test("the example of a command greets the given name", async () => {
  const { hello }: { hello: Command } = await load("src/cli/commands/hello.ts");
  const invocation = { words: [], options: new Map([["json", true]]), flags: new Map([["name", "Ada"]]) };
  const { run } = await hello.load(invocation);
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => void printed.push(text);
  try {
    assertEquals(await run(invocation), 0);
  } finally {
    console.log = log;
  }
  assertEquals(printed, ['{"greeting":"Hello, Ada"}']);
});

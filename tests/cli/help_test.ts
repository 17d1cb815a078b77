import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { flagSpecs } from "../../src/config/options.ts";
import { openWorkspace } from "../support/workspace.ts";

const flagsIn = (text: string) => [...text.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag);

Deno.test("help of ingest has the options that most people need, in groups with an example each", async () => {
  await using work = await openWorkspace();
  const { code, stdout } = await work.run(["ingest", "--help"]);
  assertEquals(code, 0);
  const groups = stdout.split("\n\n").filter((part) => part.includes("for example"));
  assertEquals(
    groups.map((group) => group.split("\n", 1)[0]),
    ["Source:", "Files:", "Destination:", "Safety:", "Output:"],
  );
  for (const group of groups) assertMatch(group, /\n {4}for example +barline ingest --/);
  assert(flagsIn(stdout).length <= 17, `${flagsIn(stdout).length} options`);
  assertMatch(stdout, /barline help ingest all shows all \d+ options/);
});

Deno.test("the whole help has each option once, and no line is longer than 120 characters", async () => {
  await using work = await openWorkspace();
  const { code, stdout } = await work.run(["ingest", "--help=all"]);
  assertEquals(code, 0);
  const expected = [...flagSpecs.map(({ flag }) => flag), "dry-run", "config", "help"].sort();
  assertEquals(flagsIn(stdout).sort(), expected);
  const [options] = stdout.split("Each option is also");
  assertEquals(options.split("\n").filter((line) => line.length > 120), []);
  assertEquals((await work.run(["help", "ingest", "all"])).stdout, stdout);
});

Deno.test("help of an unknown command names the nearest one", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await work.run(["help", "ingets"]);
  assertEquals([code, stderr.trim()], [
    2,
    'Cannot understand "ingets": there is no such command, did you mean "ingest"?',
  ]);
});

Deno.test("commands about stored records describe options by what they mean there", async () => {
  await using work = await openWorkspace();
  for (const name of ["export", "delete", "gaps"]) {
    const { stdout } = await work.run([name, "--help"]);
    assertStringIncludes(stdout, "--symbols A,B                 only records of these symbols [all]", name);
    assertStringIncludes(stdout, "the embedded database, or the PostgreSQL of this URL", name);
  }
});

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { makeDirectory } from "./support/providers.ts";

const MAIN = fromFileUrl(new URL("main.ts", import.meta.url));

/** Runs the suite that these files make up. */
async function runSuite(files: Record<string, string>): Promise<{ code: number; lines: string[] }> {
  await using directory = await makeDirectory();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(directory.path, name), text);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, directory.path],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
}

const OK = 'Deno.test("a", () => {}); Deno.test("b", () => {});';

Deno.test("the suite is ok where each of its files is", async () => {
  const { code, lines } = await runSuite({
    "one_test.ts": OK,
    "other_test.ts": OK,
    "no_test_of_anything.ts": "throw 1",
  });
  assertMatch(lines.at(-1)!, /^ok \| 4 passed \| 0 failed \(.+\)$/);
  const slowest = lines.slice(-3, -1).map((line) => /^slowest: .*\/(\w+\.ts) \d+\.\d s$/.exec(line)?.[1]);
  assertEquals(slowest.toSorted(), ["one_test.ts", "other_test.ts"]);
  assertEquals(code, 0);
});

Deno.test("the suite fails where a test fails or a file cannot be loaded, and names both", async () => {
  const { code, lines } = await runSuite({
    "ok_test.ts": OK,
    "bad_test.ts": 'Deno.test("c", () => { throw new Error("no"); }); Deno.test.ignore("d", () => {});',
    "broken_test.ts": 'throw new Error("broken");',
  });
  assertMatch(lines.at(-1)!, /^FAILED \| 2 passed \| 2 failed \| 1 ignored \(.+\)$/);
  const named = lines.filter((line) => line.startsWith("  deno test -P ")).map((line) => line.split("/").at(-1));
  assertEquals(named.toSorted(), ["bad_test.ts", "broken_test.ts"]);
  assertEquals(code, 1);
});

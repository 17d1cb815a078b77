import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { makeDirectory } from "./support/providers.ts";

const MAIN = fromFileUrl(new URL("main.ts", import.meta.url));

/** Runs the suite that these files make up. */
async function runSuite(
  files: Record<string, string>,
  env: Record<string, string> = { CI: "" },
): Promise<{ code: number; lines: string[] }> {
  await using directory = await makeDirectory();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(directory.path, name), text);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, directory.path],
    env: { NO_COLOR: "1", ...env },
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

/** Fails when it runs for the first time in its directory. */
const UNSTEADY = `Deno.test("e", () => {
  const path = import.meta.dirname + "/ran";
  try {
    Deno.mkdirSync(path);
  } catch {
    return;
  }
  throw new Error("for the first time");
});`;
const BAD = 'Deno.test("c", () => { throw new Error("no"); });';

Deno.test("CI runs a file that failed once more, and names it where it passes then", async () => {
  const { code, lines } = await runSuite({ "ok_test.ts": OK, "unsteady_test.ts": UNSTEADY }, { CI: "true" });
  assertMatch(lines.at(-1)!, /^ok \| 3 passed \| 0 failed \(.+\)$/);
  assertEquals(lines.filter((line) => /^Unsteady: .*\/unsteady_test\.ts failed, and passed/.test(line)).length, 1);
  assertEquals(code, 0);
});

Deno.test("CI fails where a file fails twice, or where many fail", async () => {
  const twice = await runSuite({ "ok_test.ts": OK, "bad_test.ts": BAD }, { CI: "true" });
  assertMatch(twice.lines.at(-1)!, /^FAILED \| 2 passed \| 1 failed \(.+\)$/);
  assertEquals(twice.code, 1);
  const four = Object.fromEntries(Array.from({ length: 4 }, (_, at) => [`bad_${at}_test.ts`, UNSTEADY]));
  const many = await runSuite(
    Object.fromEntries(Object.entries(four).map(([name, text]) => [name, text.replace("/ran", `/${name}.ran`)])),
    { CI: "true" },
  );
  assertMatch(many.lines.at(-1)!, /^FAILED \| 0 passed \| 4 failed \(.+\)$/);
  assertEquals(many.code, 1);
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };

interface Lock {
  readonly npm: Readonly<Record<string, { integrity?: string }>>;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly remote?: unknown;
  readonly jsr?: unknown;
}

const root = new URL("../../", import.meta.url);
const lock: Lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));

Deno.test("every package is pinned to one version, with its integrity, and comes from npm alone", () => {
  for (const [name, specifier] of Object.entries(denoConfig.imports)) {
    if (!specifier.startsWith("npm:")) continue;
    assertMatch(specifier, /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?(\/[\w./-]+)?$/, name);
  }
  const packages = Object.entries(lock.npm);
  assert(packages.length > 20);
  for (const [name, { integrity }] of packages) assertMatch(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, name);
  assertEquals([lock.remote, lock.jsr], [undefined, undefined]);
});

/** Runs Deno on a copy of the configuration whose lock file lacks a package. */
async function runWithoutLock(directory: string, args: readonly string[]) {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: directory,
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdout: "null",
  }).output();
  return { success, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("packages outside the lock file are refused by run, test, check and compile", async () => {
  assertEquals(denoConfig.lock, { path: "./deno.lock", frozen: true });
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  try {
    const { imports: { "@std/assert": specifier } } = denoConfig;
    const config = { nodeModulesDir: "none", lock: denoConfig.lock, imports: { "@std/assert": specifier } };
    await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${directory}/deno.lock`, JSON.stringify({ version: "5" }));
    await Deno.writeTextFile(`${directory}/main.ts`, 'import { assert } from "@std/assert";\nassert(true);\n');
    for (const args of [["run", "main.ts"], ["test", "main.ts"], ["check", "main.ts"], ["compile", "main.ts"]]) {
      const { success, stderr } = await runWithoutLock(directory, args);
      assertEquals(success, false, args[0]);
      assertMatch(stderr, /lockfile is out of date/i, args[0]);
    }
    const copy = await runWithoutLock(directory, ["run", "--frozen=false", "main.ts"]);
    assert(copy.success, `the program itself is sound: ${copy.stderr}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("no task and no step of CI thaws the lock file", async () => {
  const texts = [...Object.values(denoConfig.tasks), await Deno.readTextFile(new URL(".ci/run", root))];
  for (const text of texts) assertEquals(/--frozen=false|--no-lock|--lock-write|--reload/.test(text), false, text);
});

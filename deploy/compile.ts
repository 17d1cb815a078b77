/**
 * Compiles the binary:
 *
 *     deno task compile                                            # dist/barline, for this machine
 *     deno task compile --target aarch64-apple-darwin --output barline
 *     deno task compile --v8-flags=--max-semi-space-size=8         # to measure other flags
 *
 * A binary reads all that it carries into memory at each start. So it is compiled in a directory of its own, which holds
 * the packages of `deploy/deno.lock` without source maps, declarations and other files that no program reads.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { dirname, join, resolve } from "@std/path";
import denoConfig from "../deno.json" with { type: "json" };

/**
 * Flags of V8, chosen by measuring processor time and peak memory for 500,000 rows from CSV into PostgreSQL, from source. With the
 * first two: 1.21 s, 135 MB. None: 1.23 s, 155 MB. `--optimize-for-size` costs a quarter more time.
 *
 * The last is about the embedded database, which is WebAssembly: most of its functions run too seldom to be worth optimising. A
 * first start with 1,000 bars takes 1.3 s and 273 MB with it, 2.0 s and 328 MB without; 200,000 bars take 5.0 s and 4.2 s. With
 * `--wasm-tiering-budget=2000000000,--no-wasm-inlining`, which optimises late: 1.4 s and 306 MB; 4.4 s.
 */
export const V8_FLAGS = "--max-semi-space-size=4,--heap-growing-percent=30,--liftoff-only";
/**
 * What the system is not asked for. The program needs the host's name, the room of a disk and the modes of new files; the last
 * has no name that `--allow-sys` takes.
 */
const DENIED = [
  ...["loadavg", "osRelease", "osUptime", "networkInterfaces", "systemMemoryInfo", "cpus"],
  ...["uid", "gid", "getegid", "username", "userInfo", "homedir", "getPriority", "setPriority"],
];
/** What the program may do. */
export const PERMISSIONS = [
  ...["net", "read", "write", "env", "sys", "run"].map((name) => `--allow-${name}`),
  `--deny-sys=${DENIED}`,
];
const WORKERS = ["src/database/embedded_worker.ts", "src/database/door/reader_worker.ts"];
/** Files of packages that no program reads; archives are extensions of PostgreSQL, which nothing here creates. */
const UNREAD = /\.(map|ts|cts|mts|md|tar\.gz)$/;

/** Options of {@linkcode compile}. */
export interface CompileOptions {
  /** Path of the binary. */
  output: string;
  /** Target triple. @default {that of this machine} */
  target?: string;
  /** Flags of V8, separated by commas. */
  v8Flags?: string;
}

/**
 * Compiles the binary.
 *
 * @throws {Error} If a package cannot be had or the compiler fails.
 */
export async function compile({ output, target, v8Flags = V8_FLAGS }: CompileOptions): Promise<void> {
  const root = new URL("../", import.meta.url).pathname;
  const stage = await Deno.makeTempDir({ prefix: "barline-compile-" });
  try {
    await copyTree(join(root, "src"), join(stage, "src"));
    await Deno.copyFile(join(root, "main.ts"), join(stage, "main.ts"));
    const lockPath = join(stage, "deno.lock");
    await Deno.copyFile(join(root, "deploy", "deno.lock"), lockPath);
    const locked = await readPackages(lockPath);
    // Packages of tests alone are not locked there, and would be installed otherwise.
    const imports = Object.entries(denoConfig.imports).filter(([, specifier]) => locked.has(packageOf(specifier)));
    await Deno.writeTextFile(
      join(stage, "deno.json"),
      JSON.stringify({
        ...denoConfig,
        imports: Object.fromEntries(imports),
        tasks: {},
        nodeModulesDir: "auto",
        // Deno writes the same packages down in another way for a directory of packages.
        lock: { path: "./deno.lock", frozen: false },
      }),
    );
    await run(stage, ["cache", "main.ts", ...WORKERS]);
    const added = (await readPackages(lockPath)).difference(locked);
    if (added.size > 0) throw new Error(`Cannot compile: deploy/deno.lock lacks ${[...added].join(", ")}`);
    await removeUnread(join(stage, "node_modules"));
    await Deno.mkdir(dirname(resolve(output)), { recursive: true });
    await run(stage, [
      ...["compile", "--no-check", ...PERMISSIONS, `--v8-flags=${v8Flags}`],
      ...WORKERS.flatMap((worker) => ["--include", worker]),
      ...(target === undefined ? [] : ["--target", target]),
      ...["--output", resolve(output), "main.ts"],
    ]);
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

/** Names and versions of the packages of a lock file. */
async function readPackages(path: string): Promise<Set<string>> {
  const { npm } = JSON.parse(await Deno.readTextFile(path));
  return new Set(Object.keys(npm).map((name) => name.split("_", 1)[0]));
}

/** Name and version in a specifier such as `npm:@scope/name@1.2.3/path`. */
const packageOf = (specifier: string) => /^npm:((?:@[^/]+\/)?[^/]+)/.exec(specifier)![1];

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

async function removeUnread(directory: string): Promise<void> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) await removeUnread(path);
    else if (isFile && UNREAD.test(name)) await Deno.remove(path);
  }
}

/** Runs Deno there; its words are shown where it fails. */
async function run(cwd: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd, stderr: "piped" })
    .output();
  if (!success) {
    throw new Error(`deno ${args[0]} failed:\n${new TextDecoder().decode(stderr).split("Stack backtrace")[0].trim()}`);
  }
}

if (import.meta.main) {
  const { output, target, "v8-flags": v8Flags } = parseArgs(Deno.args, { string: ["output", "target", "v8-flags"] });
  const path = output ?? "dist/barline";
  await compile({ output: path, target, v8Flags });
  console.log(`${path}: ${((await Deno.stat(path)).size / 1e6).toFixed(0)} MB`);
}

/**
 * Builds a release: for each target a tarball with the binary, its completions, the service and the documentation, on Linux also
 * a Debian package; a list of what the binary is made of; an installer; and one file with all checksums.
 *
 *     deno task release                                         # every target, into dist/release
 *     deno task release --target x86_64-unknown-linux-gnu       # one of them; repeatable
 *     deno task release --base-url https://example.org/barline  # also a Homebrew formula, for files that will lie there
 *     deno task release --target … --binary dist/barline        # with a binary that is compiled already
 *
 * @module
 */
import { basename, join } from "@std/path";
import { parseArgs } from "@std/cli/parse-args";
import denoConfig from "../../deno.json" with { type: "json" };
import { compile } from "../compile.ts";
import { type LockFile, makeBom } from "./bom.ts";
import { ARCHITECTURES, makeDebian } from "./debian.ts";
import { makeFormula } from "./formula.ts";

/** Targets of `deno compile`, and what a user calls each. */
const TARGETS: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "linux-x64",
  "aarch64-unknown-linux-gnu": "linux-arm64",
  "x86_64-apple-darwin": "macos-x64",
  "aarch64-apple-darwin": "macos-arm64",
  "x86_64-pc-windows-msvc": "windows-x64",
};
const SHELLS = { bash: "barline.bash", zsh: "_barline", fish: "barline.fish" };
const FILES = ["README.md", "LICENSE", ".env.example", "deploy/barline.service"];
const { version } = denoConfig;

const args = parseArgs(Deno.args, {
  string: ["target", "base-url", "binary", "output"],
  collect: ["target"],
  default: { output: "dist/release" },
});
const targets = args.target.length > 0 ? args.target as string[] : Object.keys(TARGETS);
const unknown = targets.filter((target) => !Object.hasOwn(TARGETS, target));
if (unknown.length > 0) {
  fail(`Cannot build for ${unknown.join(", ")}: expected one of ${Object.keys(TARGETS).join(", ")}`);
}
if (args.binary !== undefined && targets.length !== 1) {
  fail("Cannot use --binary for several targets: give one --target");
}
const output = args.output;

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  throw new Error(`${command} ${args[0]} failed: ${lines.find((line) => line.includes("error")) ?? lines.at(-1)}`);
}

/** Builds the target's files, and gives their paths. */
async function build(target: string): Promise<string[]> {
  const name = `barline-${version}-${TARGETS[target]}`;
  const directory = join(output, name);
  await using leaving = new AsyncDisposableStack();
  leaving.defer(() => Deno.remove(directory, { recursive: true }));
  await Deno.mkdir(join(directory, "completions"), { recursive: true });
  const binary = join(directory, target.includes("windows") ? "barline.exe" : "barline");
  if (args.binary === undefined) await compile({ target, output: binary });
  else await Deno.copyFile(args.binary, binary);
  for (const [shell, file] of Object.entries(SHELLS)) {
    const script = await run(Deno.execPath(), ["run", "-A", "main.ts", "completions", shell]);
    await Deno.writeTextFile(join(directory, "completions", file), script);
  }
  for (const file of FILES) await Deno.copyFile(file, join(directory, basename(file)));
  await run("cp", ["-r", "docs", directory]);
  const tarball = `${directory}.tar.gz`;
  await run("tar", ["-czf", tarball, "-C", output, name]);
  if (!Object.hasOwn(ARCHITECTURES, target)) return [tarball];
  return [tarball, await makeDebian({ directory, version, architecture: ARCHITECTURES[target] })];
}

async function checksum(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

await Deno.mkdir(output, { recursive: true });
const sums = new Map<string, string>();
/** Counts a file to the release. */
async function add(path: string): Promise<void> {
  sums.set(basename(path), await checksum(path));
  console.log(`Built ${path}`);
}
async function write(name: string, text: string): Promise<void> {
  await Deno.writeTextFile(join(output, name), text);
  await add(join(output, name));
}

for (const target of targets) {
  try {
    for (const path of await build(target)) await add(path);
  } catch (error) {
    // The others are built all the same.
    console.error(`Cannot build for ${target}: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
const lock: LockFile = JSON.parse(await Deno.readTextFile(new URL("../deno.lock", import.meta.url)));
await write(`barline-${version}.cdx.json`, makeBom("barline", version, lock));
const installer = await Deno.readTextFile(new URL("install.sh", import.meta.url));
await write("install.sh", installer.replace("@VERSION@", version));
const baseUrl = args["base-url"]?.replace(/\/$/, "");
if (baseUrl !== undefined) await write("barline.rb", makeFormula({ version, baseUrl, sums }));
await Deno.writeTextFile(
  join(output, "SHA256SUMS"),
  [...sums].map(([file, sum]) => `${sum}  ${file}\n`).join(""),
);

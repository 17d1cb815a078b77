/**
 * Builds a release: for each target a tarball with the binary, its completions, the service and the documentation, and one
 * file with all checksums.
 *
 *     deno task release                                       # every target
 *     deno task release --target x86_64-unknown-linux-gnu     # one of them; repeatable
 *
 * @module
 */
import { join } from "@std/path";
import { parseArgs } from "@std/cli/parse-args";
import { compile } from "./compile.ts";
import denoConfig from "../deno.json" with { type: "json" };

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
const OUTPUT = "dist/release";

async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  throw new Error(`${command} ${args[0]} failed: ${lines.find((line) => line.includes("error")) ?? lines.at(-1)}`);
}

/** Builds the target's tarball, and gives its name. */
async function build(target: string): Promise<string> {
  const name = `barline-${denoConfig.version}-${TARGETS[target]}`;
  const directory = join(OUTPUT, name);
  await using leaving = new AsyncDisposableStack();
  leaving.defer(() => Deno.remove(directory, { recursive: true }));
  await Deno.mkdir(join(directory, "completions"), { recursive: true });
  await compile({ target, output: join(directory, target.includes("windows") ? "barline.exe" : "barline") });
  for (const [shell, file] of Object.entries(SHELLS)) {
    const script = await run(Deno.execPath(), ["run", "--allow-env", "--allow-read", "main.ts", "completions", shell]);
    await Deno.writeTextFile(join(directory, "completions", file), script);
  }
  for (const file of FILES) await Deno.copyFile(file, join(directory, file.split("/").at(-1)!));
  await run("cp", ["-r", "docs", directory]);
  await run("tar", ["-czf", `${directory}.tar.gz`, "-C", OUTPUT, name]);
  return `${name}.tar.gz`;
}

async function checksum(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

const { target: wanted } = parseArgs(Deno.args, { string: ["target"], collect: ["target"] });
const targets = wanted.length > 0 ? wanted as string[] : Object.keys(TARGETS);
const unknown = targets.filter((target) => !Object.hasOwn(TARGETS, target));
if (unknown.length > 0) {
  console.error(`Cannot build for ${unknown.join(", ")}: expected one of ${Object.keys(TARGETS).join(", ")}`);
  Deno.exit(2);
}
await Deno.mkdir(OUTPUT, { recursive: true });
const sums: string[] = [];
for (const target of targets) {
  try {
    const file = await build(target);
    sums.push(`${await checksum(join(OUTPUT, file))}  ${file}\n`);
    console.log(`built ${join(OUTPUT, file)}`);
  } catch (error) {
    // The others are built all the same.
    console.error(`Cannot build for ${target}: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
await Deno.writeTextFile(join(OUTPUT, "SHA256SUMS"), sums.join(""));

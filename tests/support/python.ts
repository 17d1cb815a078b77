/**
 * Python with packages from PyPI, in an environment of its own that is made once on a machine.
 *
 * @module
 */
import { join } from "@std/path";

const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/tmp", ".cache");

/** Whether a program ends well. */
async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/**
 * The path of a Python that has the packages, as `name==version`; `undefined` where there is no Python.
 *
 * @throws {Error} If the packages cannot be had.
 */
export async function findPython(name: string, packages: readonly string[]): Promise<string | undefined> {
  if (!await succeeds("python3", "-c", "import venv")) return undefined;
  const directory = join(cache, "barline-tests", name);
  const python = join(directory, "bin", "python3");
  const mark = join(directory, "packages");
  await Deno.mkdir(join(cache, "barline-tests"), { recursive: true });
  // Several files of tests may use the same environment.
  using lock = await Deno.open(`${directory}.lock`, { create: true, write: true });
  await lock.lock(true);
  const wanted = packages.join("\n");
  if (await Deno.readTextFile(mark).catch(() => "") === wanted) return python;
  for (const args of [["-m", "venv", directory], ["-m", "pip", "install", "--quiet", ...packages]]) {
    const { success, stderr } = await new Deno.Command(args[1] === "venv" ? "python3" : python, { args }).output();
    if (!success) throw new Error(`Cannot install ${packages.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  await Deno.writeTextFile(mark, wanted);
  return python;
}

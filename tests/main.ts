/**
 * Runs the test suite:
 *
 *     deno task test                          # all of it
 *     deno task test tests/cli tests/sinks    # some directories or files
 *
 * Each file is a `deno test` of its own, without a check of types, which `deno task check` does. Three times as many run at a
 * time as the machine has cores, because many wait; `DENO_JOBS` sets another number. They share a template of a PostgreSQL
 * cluster and nothing else. With `CI=true` up to three files that failed are run once more, alone, after all others: one
 * that passes then is named as unsteady and does not fail the run, since a loaded machine is no fault of the program. Before
 * the last line, which sums up their reports in the words of `deno test`, are the files that took longest.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { makeTemplate, missingServer, TEMPLATE_VARIABLE } from "./support/postgres.ts";
import { inOrder, lateFile } from "./support/order.ts";
import { describeReports, parseReport, type Report } from "./support/report.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** How a file's run ended. */
interface Ended {
  readonly file: string;
  readonly seconds: number;
  /** In milliseconds since the suite's start. */
  readonly endedAt: number;
  readonly report: Report;
  readonly isOk: boolean;
}

/** Most files that are run once more: where more fail, chance is no explanation. */
const SECOND_TRIES = 3;

/** A file that has not ended by then hangs: it is ended, and counts as one that failed. In milliseconds. */
const LIMIT_MS = 15 * 60_000;

/** The embedded database in a test's own process is WebAssembly that runs too briefly to be worth optimising, as in the binary. */
const V8_FLAGS = "--liftoff-only";

/** Files that are named as the slowest. */
const SLOWEST = 20;

/** Finds files of tests: the paths themselves, or below those that are directories. */
async function findTests(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(async (path) => {
    if ((await Deno.stat(path)).isFile) return [path];
    const entries = await Array.fromAsync(Deno.readDir(path));
    const inside = entries.filter(({ name, isDirectory }) => isDirectory || name.endsWith("_test.ts"));
    return await findTests(inside.map(({ name }) => join(path, name)).sort());
  }));
  return found.flat();
}

/** Runs one file, and prints its output when it has ended. */
async function runFile(file: string, env: Record<string, string>, signal: AbortSignal): Promise<Ended> {
  const startedAt = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", `--v8-flags=${V8_FLAGS}`, file],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
  }).spawn();
  const [{ success }, stdout, stderr] = await Promise.all([
    child.status,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  console.log(stdout + stderr);
  const endedAt = performance.now();
  return { file, seconds: (endedAt - startedAt) / 1000, endedAt, report: parseReport(stdout), isOk: success };
}

/** Runs all files, `jobs` at a time, and where `isRepeating` those that failed once more. */
async function runAll(
  files: readonly string[],
  { jobs, isRepeating, signal }: { jobs: number; isRepeating: boolean; signal: AbortSignal },
): Promise<Ended[]> {
  const ended: Ended[] = [];
  const queue = files.values();
  await using template = missingServer() === undefined ? await makeTemplate() : undefined;
  const env: Record<string, string> = template === undefined ? {} : { [TEMPLATE_VARIABLE]: template.path };
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (const file of queue) {
      if (signal.aborted) return;
      ended.push(await runFile(file, env, signal));
    }
  }));
  const failed = ended.filter(({ isOk }) => !isOk);
  if (!isRepeating || failed.length > SECOND_TRIES) return ended;
  for (const { file } of failed) {
    if (signal.aborted) break;
    const again = await runFile(file, env, signal);
    if (!again.isOk) continue;
    console.log(`Unsteady: ${file} failed, and passed when it was run once more, alone`);
    ended.splice(ended.findIndex((each) => each.file === file), 1, again);
  }
  return ended;
}

if (import.meta.main) {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.abort());
  Deno.chdir(ROOT);
  const files = await inOrder(await findTests(Deno.args.length > 0 ? Deno.args : ["tests"]));
  const startedAt = performance.now();
  const jobs = Number(Deno.env.get("DENO_JOBS") ?? 3 * navigator.hardwareConcurrency);
  const isRepeating = Deno.env.get("CI") === "true";
  const ended = await runAll(files, { jobs, isRepeating, signal: stop.signal });
  const failed = ended.filter(({ isOk }) => !isOk);
  if (failed.length > 0) console.log(`Failed:\n${failed.map(({ file }) => `  deno test -P ${file}\n`).join("")}`);
  const late = lateFile(ended);
  if (late !== undefined) console.log(late);
  const slowest = ended.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  for (const { file, seconds } of slowest) console.log(`slowest: ${file} ${seconds.toFixed(1)} s`);
  console.log(describeReports(ended.map(({ report }) => report), performance.now() - startedAt));
  Deno.exit(failed.length > 0 || stop.signal.aborted ? 1 : 0);
}

/**
 * Runs the test suite:
 *
 *     deno task test                          # all of it
 *     deno task test tests/cli tests/sinks    # some directories or files
 *
 * Each file is a `deno test` of its own, without a check of types, which `deno task check` does. Twice as many run at a time
 * as the machine has cores, because many wait; `DENO_JOBS` sets another number. They share a template of a PostgreSQL
 * cluster and nothing else. With `CI=true` up to three files that failed are run once more, alone, after all others: one that passes
 * then is named as unsteady and does not fail the run, since a loaded machine is no fault of the program. Before the last line, which sums up their reports in the words of `deno test`, are the files that
 * took longest.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { makeTemplate, missingServer, TEMPLATE_VARIABLE } from "./support/postgres.ts";
import { describeReports, parseReport, type Report } from "./support/report.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** Files that take longest, longest first: one of them that began last would run on alone. */
const LONGEST = [
  "tests/cluster/cluster_test.ts",
  "tests/faults/scenarios_test.ts",
  "tests/endtoend/endtoend_test.ts",
  "tests/proof/proof_test.ts",
  "tests/chaos/chaos_test.ts",
  "tests/browser/cockpit_test.ts",
  "tests/cli/gaps_repair_test.ts",
  "tests/cli/binary_test.ts",
  "tests/cli/dlq_replay_test.ts",
  "tests/cli/backfill_test.ts",
];

/** How a file's run ended. */
interface Ended {
  readonly file: string;
  readonly seconds: number;
  readonly report: Report;
  readonly isOk: boolean;
}

/** Most files that are run once more: where more fail, chance is no explanation. */
const SECOND_TRIES = 3;

/** A file that has not ended by then hangs: it is ended, and counts as one that failed. In milliseconds. */
const LIMIT_MS = 15 * 60_000;

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
    args: ["test", "-A", "--no-check", file],
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
  return { file, seconds: (performance.now() - startedAt) / 1000, report: parseReport(stdout), isOk: success };
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
  const found = await findTests(Deno.args.length > 0 ? Deno.args : ["tests"]);
  const rank = (file: string) => LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length;
  const files = found.toSorted((a, b) => rank(a) - rank(b));
  const startedAt = performance.now();
  const jobs = Number(Deno.env.get("DENO_JOBS") ?? 2 * navigator.hardwareConcurrency);
  const isRepeating = Deno.env.get("CI") === "true";
  const ended = await runAll(files, { jobs, isRepeating, signal: stop.signal });
  const failed = ended.filter(({ isOk }) => !isOk);
  if (failed.length > 0) console.log(`Failed:\n${failed.map(({ file }) => `  deno test -P ${file}\n`).join("")}`);
  const slowest = ended.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  for (const { file, seconds } of slowest) console.log(`slowest: ${file} ${seconds.toFixed(1)} s`);
  console.log(describeReports(ended.map(({ report }) => report), performance.now() - startedAt));
  Deno.exit(failed.length > 0 || stop.signal.aborted ? 1 : 0);
}

/**
 * The program as a process: memory, latency and start, measured from outside.
 *
 *     deno run -A tests/bench/process.ts [--binary dist/barline] [--rows 5000000]
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { parseArgs } from "@std/cli/parse-args";
import { startPostgres } from "../support/postgres.ts";
import { writeCsv } from "./data.ts";

const args = parseArgs(Deno.args, { string: ["binary", "rows", "source"] });
const binary = args.binary ?? "dist/barline";
const rows = Number(args.rows ?? 5_000_000);
const source = args.source ?? new URL("../fixtures/bars.csv", import.meta.url).pathname;

await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"]);
const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });

interface Run {
  readonly summary: { received: number; stored: number; rate: number; latencyMs: { p50: number; p99: number } };
  readonly peakMb: number;
}

/** Runs the program under `time -v` to its end. */
async function ingest(...options: string[]): Promise<Run> {
  const { stdout, stderr, success } = await new Deno.Command("/usr/bin/time", {
    args: ["-v", binary, "ingest", "--http", "off", "--json", "--log-level", "error", ...options],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  const report = text.decode(stderr);
  if (!success) throw new Error(`${binary} failed: ${report}`);
  const peak = /Maximum resident set size \(kbytes\): (\d+)/.exec(report)!;
  return { summary: JSON.parse(text.decode(stdout).trim().split("\n").at(-1)!), peakMb: Number(peak[1]) / 1000 };
}

/** Milliseconds from the start of the program until another connection sees a row. */
async function firstRow(): Promise<number> {
  const url = await server.createDatabase();
  const started = performance.now();
  const process = new Deno.Command(binary, {
    args: ["ingest", "--http", "off", "--database", url, "--data-dir", `${directory}/first`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  while ((await server.query("SELECT to_regclass('bar') IS NOT NULL AS made", url))[0].made !== true) await delay(20);
  while ((await server.query("SELECT 1 FROM bar LIMIT 1", url)).length === 0) await delay(20);
  const ms = performance.now() - started;
  process.kill("SIGINT");
  await process.status;
  return ms;
}

/** Milliseconds of a whole first run of one bar into the embedded database: an upper bound for its first row. */
async function firstEmbeddedRow(): Promise<number> {
  const started = performance.now();
  await ingest("--limit", "1", "--database", "embedded", "--data-dir", `${directory}/embedded`);
  return performance.now() - started;
}

const print = (name: string, value: string) => console.log(`| ${name.padEnd(52)} | ${value.padStart(20)} |`);
const few = Math.round(rows / 10);
const memory: Run[] = [];
for (const count of [few, rows]) {
  const csv = `${directory}/${count}.csv`;
  writeCsv(source, count, csv);
  const database = await server.createDatabase();
  const run = await ingest("--file", csv, "--database", database, "--data-dir", `${directory}/data`);
  if (run.summary.stored !== count) throw new Error(`stored ${run.summary.stored} of ${count}`);
  memory.push(run);
  await Deno.remove(csv);
  const shown = count.toLocaleString("en-US");
  print(`peak memory, ${shown} rows from a file`, `${run.peakMb.toFixed(0)} MB`);
  print(`rate, ${shown} rows from a file, start excluded`, `${Math.round(run.summary.rate).toLocaleString("en-US")}/s`);
}
print("peak memory, many / few rows", (memory[1].peakMb / memory[0].peakMb).toFixed(2));
const paced = ["--provider", "mock", "--rate", "1000", "--limit", "20000"];
const { summary } = await ingest(...paced, "--database", await server.createDatabase(), "--data-dir", `${directory}/p`);
print("receive to commit at 1,000 bars/s, p50 and p99", `${summary.latencyMs.p50} and ${summary.latencyMs.p99} ms`);
print("start to first committed row, server", `${(await firstRow()).toFixed(0)} ms`);
print("start to end of a first run, embedded", `${(await firstEmbeddedRow()).toFixed(0)} ms`);
await Deno.remove(directory, { recursive: true });

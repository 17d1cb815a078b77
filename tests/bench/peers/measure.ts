/**
 * Whole processes, measured from outside: seconds, processor time and memory.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import type { TestServer } from "../../support/postgres.ts";
import { cpuOfTree } from "../cpu.ts";
import type { Load, Peer } from "./programs.ts";

/** What one run took. */
export interface Taken {
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** Processor seconds of the process. */
  readonly cpu: number;
  /** Processor seconds of the server meanwhile. */
  readonly serverCpu: number;
  readonly peakMb: number;
}

/** Whether the program is there, with the module that it needs. */
export async function isInstalled({ program, module }: Peer): Promise<boolean> {
  const args = module === undefined ? ["--version"] : ["-c", `import ${module}`];
  try {
    const { code } = await new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).output();
    return module === undefined || code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes the table of the other programs. */
export async function makePeerTable(server: TestServer, url: string): Promise<void> {
  await server.query(await Deno.readTextFile(fromFileUrl(new URL("table.sql", import.meta.url))), url);
}

/**
 * Runs a program into its empty table.
 *
 * @throws {Error} If it fails, or not all rows are there afterwards.
 */
export async function measure(server: TestServer, peer: Peer, load: Load, rows: number): Promise<Taken> {
  const { url, file, directory } = load;
  await server.query(`TRUNCATE ${peer.table}`, url);
  await server.query("CHECKPOINT", url);
  const report = join(directory, "time");
  const { pid } = server.control!;
  const before = await cpuOfTree(pid);
  const started = performance.now();
  const { success, stderr } = await new Deno.Command("sh", {
    args: [
      ...["-c", 'exec /usr/bin/time -f "%U %S %M" -o "$REPORT" "$@" < "$FILE"', "sh"],
      ...[peer.program, ...peer.args(load)],
    ],
    env: { DATABASE_URL: url, FILE: file, REPORT: report },
    stdout: "null",
    stderr: "piped",
  }).output();
  const seconds = (performance.now() - started) / 1000;
  if (!success) throw new Error(`${peer.name} failed: ${new TextDecoder().decode(stderr)}`);
  const [user, system, peak] = (await Deno.readTextFile(report)).trim().split(" ").map(Number);
  const serverCpu = await cpuOfTree(pid) - before;
  const [{ count }] = await server.query(`SELECT count(*) FROM ${peer.table}`, url);
  if (Number(count) !== rows) throw new Error(`${peer.name} stored ${count} of ${rows} rows`);
  return { seconds, cpu: user + system, serverCpu, peakMb: peak / 1000 };
}

/**
 * How many files and sockets the process has open, and may have.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";

/** Most open files by default: the limit that most systems begin with. */
export const COMMON_LIMIT = 1024;

/** Open files of this process; `undefined` where the system does not say. */
export function countOpenFiles(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    // Linux 6.2 gives the number as the directory's size.
    const { size } = Deno.statSync("/proc/self/fd");
    // The listing itself takes one.
    return size > 0 ? size : Array.from(Deno.readDirSync("/proc/self/fd")).length - 1;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  }
  // Where the directory needs every right there is, a new file has the lowest number that is free.
  const lowest = openSync("/dev/null", "r");
  closeSync(lowest);
  return lowest;
}

/**
 * Most files that the process may have open, as the shell that it starts says; `undefined` without a shell, or without a limit.
 * The limit itself may not be read without every right there is.
 */
export async function readOpenFilesLimit(): Promise<number | undefined> {
  try {
    const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", "ulimit -n"], clearEnv: true }).output();
    const limit = Number(new TextDecoder().decode(stdout));
    return Number.isInteger(limit) && limit > 0 ? limit : undefined;
  } catch {
    return undefined;
  }
}

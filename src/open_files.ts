/**
 * Counts the open files and sockets of the process, and reads their limit.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";

/** Default limit of open files: that of most systems. */
export const COMMON_LIMIT = 1024;

/** Number of open files of this process; `undefined` if the system does not report it. */
export function countOpenFiles(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    // Linux 6.2 has the number as the directory's size.
    const { size } = Deno.statSync("/proc/self/fd");
    // The listing itself takes one.
    return size > 0 ? size : Array.from(Deno.readDirSync("/proc/self/fd")).length - 1;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  }
  // Reading the directory takes all permissions; without them, a new file has the lowest free number.
  const lowest = openSync("/dev/null", "r");
  closeSync(lowest);
  return lowest;
}

/**
 * Most files that the process may have open, as reported by a shell that it starts; `undefined` without a shell or a
 * limit. Reading the limit itself takes all permissions.
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

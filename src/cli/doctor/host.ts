/**
 * Checks of the host for `barline doctor`.
 *
 * @module
 */
import { format as formatBytes } from "@std/fmt/bytes";
import { statfs } from "node:fs/promises";
import { prepareDataDir } from "../../storage/data_dir.ts";
import { parseAddress } from "../../http/address.ts";

/** Least free space for a growing journal and an embedded database, in bytes. */
const LEAST_FREE = 1024 ** 3;
/** Least number of open files, for sockets, connections and files. */
const LEAST_OPEN_FILES = 512;

/**
 * Checks that the data directory can be written to and has free space.
 *
 * @throws {Error} If not.
 */
export async function checkDataDir(directory: string): Promise<string> {
  await prepareDataDir(directory);
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free < LEAST_FREE) {
    throw new Error(
      `"${directory}" has ${formatBytes(free)} of room, expected ${formatBytes(LEAST_FREE)}: make room, ` +
        "or choose another place with --data-dir",
    );
  }
  return `${directory}, ${formatBytes(free)} free`;
}

/**
 * Checks that the process may open enough files, by opening them: reading the limit itself would take all permissions.
 *
 * @throws {Error} If not.
 */
export function checkOpenFiles(): string {
  if (Deno.build.os === "windows") return "not looked at on this system";
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < LEAST_OPEN_FILES) files.push(Deno.openSync("/dev/null"));
    return `${LEAST_OPEN_FILES} more may be open`;
  } catch (cause) {
    throw new Error(
      `Only ${files.length} more may be open, expected ${LEAST_OPEN_FILES}: raise the limit with ulimit -n, or ` +
        "LimitNOFILE= in the service",
      { cause },
    );
  } finally {
    for (const file of files) file.close();
  }
}

/**
 * Checks the address by listening on it for a moment.
 *
 * @throws {Error} If another process uses it.
 */
export function checkAddress(address: string): string {
  try {
    using _listener = Deno.listen(parseAddress(address));
    return `${address} is free`;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Error(`${address} is taken: by barline itself, where it runs; else choose another with --http`);
  }
}

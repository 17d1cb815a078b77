/** The limit on the size of files. @module */

/**
 * Lets a write beyond the limit on the size of files (`ulimit -f`) fail, as one on a full disk does: by default the signal
 * that comes with it ends the process.
 */
export function surviveFileSizeLimit(): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
}

/** The limit on the size of files. @module */

/**
 * Makes a write beyond the limit on the size of files (`ulimit -f`) fail, like one on a full disk: by default its
 * signal ends the process.
 */
export function surviveFileSizeLimit(): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
}

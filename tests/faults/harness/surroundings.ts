/**
 * What can be changed around a process on this machine.
 *
 * @module
 */

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

/** Why no file system can be mounted here; `undefined` where one can. */
export function canMount(): string | undefined {
  if (!isRoot) return "only root can mount";
  const { success } = new Deno.Command("unshare", { args: ["--mount", "true"], stderr: "null" }).outputSync();
  return success ? undefined : "this machine lets nobody mount";
}

const FAKETIME_LIBRARY = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** Environment in which a process sees the wall clock that a file tells, and monotonic time as it is. */
export const FAKETIME = [`LD_PRELOAD=${FAKETIME_LIBRARY}`, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"];

/** Why no clock can be set back here; `undefined` where one can. */
export function hasFaketime(): string | undefined {
  try {
    Deno.statSync(FAKETIME_LIBRARY);
  } catch {
    return "libfaketime is not there: apt-get install faketime";
  }
}

/** Runs a command for which permissions count, also where root runs it. */
export const WITHOUT_OVERRIDE: readonly string[] = isRoot
  ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
  : [];

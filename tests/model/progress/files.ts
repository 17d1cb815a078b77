/**
 * Counts work on files, which other threads do.
 *
 * @module
 */
import type { Count } from "./count.ts";

const FUNCTIONS = [
  ...["chmod", "lstat", "mkdir", "open", "readFile", "readTextFile", "remove", "rename", "stat", "truncate"],
  ...["realPath", "writeFile", "writeTextFile"],
];
const METHODS = ["read", "seek", "stat", "sync", "syncData", "truncate", "write"];

type Functions = Record<string, (...given: unknown[]) => Promise<unknown>>;

/** Counts calls of the file system; gives what ends that. */
export function watchFiles({ began, ended }: Count): () => void {
  function watch(of: Functions, names: readonly string[]): () => void {
    const real = Object.fromEntries(names.map((name) => [name, of[name]]));
    for (const name of names) {
      of[name] = function (this: unknown, ...given) {
        began();
        return real[name].apply(this, given).finally(ended);
      };
    }
    return () => void Object.assign(of, real);
  }
  const restore = [
    watch(Deno as unknown as Functions, FUNCTIONS),
    watch(Deno.FsFile.prototype as unknown as Functions, METHODS),
    // Names of files are digests.
    watch(SubtleCrypto.prototype as unknown as Functions, ["digest"]),
  ];
  return () => restore.forEach((each) => each());
}

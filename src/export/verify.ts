/**
 * Compares the files of an export with its manifest.
 *
 * @module
 */
import { join } from "@std/path";
import { digestFile } from "./file.ts";
import type { Manifest } from "./manifest.ts";
import type { ExportPlace } from "./place.ts";

/** The problems of an export, in words: an unfinished export, and files that differ from the manifest. */
export async function verifyFiles(place: ExportPlace, { files, isComplete }: Manifest): Promise<string[]> {
  const problems = isComplete ? [] : ["the export has not come to its end: run the same barline export again"];
  for (const { path, bytes, sha256 } of files) {
    const there = await digestFile(place, path);
    if (there === undefined) problems.push(`"${path}" is missing`);
    else if (there.bytes !== bytes) {
      problems.push(`"${path}" has ${there.bytes} bytes, and the manifest says ${bytes}`);
    } else if (there.sha256 !== sha256) {
      problems.push(`"${path}" has the SHA-256 ${there.sha256}, and the manifest says ${sha256}`);
    }
  }
  return problems;
}

/** Files below a directory that a manifest does not name; those whose names begin with `_` or `.` do not count. */
export async function findUnnamed(directory: string, { files }: Manifest): Promise<string[]> {
  const named = new Set(files.map(({ path }) => path));
  const found: string[] = [];
  async function look(below: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(join(directory, below))) {
      if (/^[_.]/.test(name)) continue;
      const path = below === "" ? name : `${below}/${name}`;
      if (isDirectory) await look(path);
      // The next export rewrites an unfinished file.
      else if (!named.has(path) && !path.endsWith(".part")) found.push(path);
    }
  }
  await look("");
  return found.sort();
}

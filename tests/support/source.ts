/**
 * The source of the program, for tests of its shape.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";

/** The repository, with a slash at its end. */
export const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Paths of all files of a directory of the repository with an ending, in order. */
export async function sourceFiles(directory = "src", ending = ".ts"): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, directory))) {
    const path = `${directory}/${name}`;
    if (isDirectory) files.push(...await sourceFiles(path, ending));
    else if (path.endsWith(ending)) files.push(path);
  }
  return files.sort();
}

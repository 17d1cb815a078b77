/**
 * The pages of the documentation.
 *
 * @module
 */
import { join } from "@std/path";
import { ROOT, sourceFiles } from "./source.ts";

/** The texts of all files of a directory of the repository with an ending, by path. */
export async function readBelow(directory: string, ending: string): Promise<Map<string, string>> {
  const paths = await sourceFiles(directory, ending);
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await Deno.readTextFile(join(ROOT, path))] as const)),
  );
}

/** All pages for people, by path. */
export async function readPages(): Promise<Map<string, string>> {
  return new Map([
    ["README.md", await Deno.readTextFile(join(ROOT, "README.md"))],
    ...await readBelow("docs", ".md"),
    ...await readBelow(".github", ".md"),
  ]);
}

/**
 * The pages of the documentation.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** All pages for people, by path. */
export async function readPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  async function readBelow(directory: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(join(ROOT, directory))) {
      const path = join(directory, name);
      if (isDirectory) await readBelow(path);
      else if (path.endsWith(".md")) pages.set(path, await Deno.readTextFile(join(ROOT, path)));
    }
  }
  pages.set("README.md", await Deno.readTextFile(join(ROOT, "README.md")));
  for (const directory of ["docs", ".github"]) await readBelow(directory);
  return pages;
}

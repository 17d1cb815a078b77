import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { generate, PAGES, pageUrl } from "./docs.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** All pages for people, by path. */
async function readPages(): Promise<Map<string, string>> {
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

/** Anchors of a page's headings, as hosts of repositories make them. */
function anchorsOf(text: string): Set<string> {
  const headings = Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading]) => heading);
  return new Set(headings.map((heading) => heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")));
}

Deno.test("the generated tables of the documentation are those of the code", async () => {
  for (const page of PAGES) {
    const text = Deno.readTextFileSync(pageUrl(page));
    assertEquals(text, await generate(page, text), `${page}: run deno task docs`);
  }
});

Deno.test("each link of the documentation leads to a file, and to a heading in it", async () => {
  const pages = await readPages();
  const broken: string[] = [];
  for (const [path, text] of pages) {
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file, anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      const isThere = await Deno.stat(join(ROOT, target)).then(() => true, () => false);
      if (!isThere || anchor !== undefined && !anchorsOf(pages.get(target) ?? "").has(anchor)) {
        broken.push(`${path}: ${link}`);
      }
    }
  }
  assertEquals(broken, []);
});

Deno.test("the README has at most 150 lines, and each page of the documentation at most 300", async () => {
  const long = [...await readPages()].filter(([path, text]) =>
    !PAGES.has(relative("docs", path)) && text.split("\n").length - 1 > (path === "README.md" ? 150 : 300)
  );
  assertEquals(long.map(([path]) => path), []);
});

import { assert, assertEquals } from "@std/assert";
import { dirname, join, relative } from "@std/path";
import { generate, PAGES, pageUrl } from "./docs.ts";
import { readBelow, readPages } from "./support/pages.ts";
import { ROOT } from "./support/source.ts";

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

Deno.test("the picture of the cockpit is a PNG of at most 150 KB", async () => {
  const picture = await Deno.readFile(join(ROOT, "docs/images/cockpit.png"));
  assertEquals(new TextDecoder("latin1").decode(picture.subarray(1, 4)), "PNG");
  assert(picture.length <= 150_000, `it has ${picture.length} bytes`);
});

/** The text of the whole program, with what stands in its texts as it is printed. */
async function readProgram(): Promise<string> {
  const texts = [...(await readBelow("src", ".ts")).values()];
  // Long texts are joined of several, with either sort of quotes.
  return texts.join("\n").replace(/["`]\s*\+\s*["`]/g, "").replaceAll('\\"', '"');
}

Deno.test("each message of the troubleshooting page is one of the program", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/troubleshooting.md"));
  const messages = Array.from(page.matchAll(/^\| `([^`]+)` \|/gm), ([, message]) => message);
  const program = await readProgram();
  const unknown = messages.filter((message) =>
    !message.split(/…|(?=")|(?<=")/).filter((part) => part.length > 3).every((part) => program.includes(part))
  );
  assert(messages.length > 60);
  assertEquals(unknown, []);
});

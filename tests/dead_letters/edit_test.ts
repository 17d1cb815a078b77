import { assertEquals } from "@std/assert";
import { formatEdit, parseEdit } from "../../src/dead_letters/edit.ts";
import { formatLetter, parseLetter, type StoredLetter } from "../../src/dead_letters/letter.ts";
import type { LocatedLetter } from "../../src/dead_letters/receipts.ts";

const letters: LocatedLetter[] = ["A", "B", "C"].map((symbol, at) => {
  const text = formatLetter({ cause: "invalid", reason: "x: y", kind: "bar", provider: "p", item: { symbol } }, 0)
    .trim();
  const letter = parseLetter(text)!;
  letter.metadata.replays = 7;
  return { path: "x", line: at + 1, text, letter };
});
const none = () => [];

/** Symbols that the edit changes letters to, by line. */
function changes(text: string): Record<number, string> {
  const { changed, problems } = parseEdit(text, letters, none);
  assertEquals(problems, []);
  return Object.fromEntries(
    Array.from(changed, ([{ line }, { items }]) => [line, (items[0] as { symbol: string }).symbol]),
  );
}

Deno.test("a letter that an editor leaves unchanged is not a change", () => {
  assertEquals(changes(formatEdit(letters)), {});
});

Deno.test("lines may be moved, left out and followed by empty ones", () => {
  const lines = formatEdit(letters).trimEnd().split("\n");
  assertEquals(changes(`${lines[2].replace('"C"', '"CC"')}\n\n${lines[0].replace('"A"', '"AA"')}\r\n\n`), {
    3: "CC",
    1: "AA",
  });
});

Deno.test("a changed letter keeps all but its records, and its count of replays starts again", () => {
  const text = formatEdit(letters).replace('"A"', '"AA"').replace('"x: y"', '"other"').replace('"p"', '"q"');
  const [[, letter]] = parseEdit(text, letters, none).changed;
  const { replays: _, ...metadata } = letters[0].letter.metadata;
  assertEquals<StoredLetter>(letter, { ...letters[0].letter, metadata, items: [{ symbol: "AA" }] });
});

for (
  const [what, edit, problem] of [
    [
      "broken JSON",
      (text: string) => text.replace("{", ""),
      "line 1: it is no letter, expected one JSON object a line",
    ],
    ["a letter without its number", (text: string) => text.replace('"letter":1,', ""), 'line 1: "letter" is undefined'],
    [
      "an unknown number",
      (text: string) => text.replace('"letter":1,', '"letter":9,'),
      'line 1: "letter" is 9, expect',
    ],
    [
      "a number twice",
      (text: string) => text.replace('"letter":2,', '"letter":1,'),
      'line 2: "letter" 1 is there twice',
    ],
    ["no record", (text: string) => text.replace('[{"symbol":"A"}]', "[]"), "line 1: items are empty"],
    ["an unsound record", (text: string) => text.replace('"A"', '"?"'), "line 1: odd"],
  ] as const
) {
  Deno.test(`${what} is a problem that names its line`, () => {
    const { problems } = parseEdit(edit(formatEdit(letters)), letters, () => ["odd"]);
    assertEquals(problems.map((each) => each.slice(0, problem.length)), [problem]);
  });
}

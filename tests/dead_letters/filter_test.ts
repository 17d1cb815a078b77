import { assertEquals, assertThrows } from "@std/assert";
import type { LocatedLetter } from "../../src/dead_letters/receipts.ts";
import { parseFilter } from "../../src/dead_letters/filter.ts";

const letter: LocatedLetter = {
  path: "x.ndjson",
  line: 1,
  text: "",
  letter: {
    ts: 1,
    error: "high 1, low 2: odd",
    metadata: {
      cause: "refused",
      reason: "high 1, low 2",
      sqlstate: "23514",
      kind: "bar",
      provider: "replay",
      location: "a.csv:7",
    },
    items: [{ symbol: "BRK B" }, { symbol: "A" }],
  },
};

for (
  const [text, passes] of [
    [undefined, true],
    ["", true],
    ["provider=replay", true],
    ["provider=mock", false],
    ["sqlstate=23514, provider=replay", true],
    ["sqlstate=23514,provider=mock", false],
    ["reason=high 1, low 2", true],
    ["reason=high 1, low 2,cause=refused", true],
    ["symbol=A", true],
    ["symbol=BRK B", true],
    ["symbol=B", false],
    ["location=a.csv:7", true],
    ["cause=", false],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} ${passes ? "chooses" : "leaves out"} the letter`, () => {
    assertEquals(parseFilter({ where: text })(letter), passes);
  });
}

Deno.test("a field that no letter has is refused, with the existing ones", () => {
  assertThrows(
    () => parseFilter({ where: "price=1" }),
    RangeError,
    "one of reason, cause, sqlstate, provider, kind, location, symbol",
  );
  assertThrows(() => parseFilter({ where: "nothing" }), RangeError, 'Cannot filter by "nothing"');
});

import { assert } from "@std/assert";
import { fuzzTws } from "./ibkr.ts";
import { fuzz } from "./main.ts";
import { parsers } from "./parsers.ts";

for (const parser of parsers) {
  Deno.test(`whatever happens to frames of ${parser.name}, nothing is thrown and no nonsense is accepted`, () => {
    const { bars, sound, rejected } = fuzz(parser, 20_000, 7);
    assert(sound > 1000 && bars >= sound && rejected > 1000, `${bars} bars, ${sound} sound, ${rejected} rejected`);
  });
}

Deno.test("whatever happens to messages of TWS, the process lives and no nonsense is accepted", async () => {
  const { sound, rejected } = await fuzzTws(5000, 7);
  assert(sound > 100 && rejected > 500, `${sound} sound, ${rejected} rejected`);
});

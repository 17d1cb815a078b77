import { assert } from "@std/assert";
import { CONTAINERS, fuzzFiles } from "./files.ts";
import { fuzzTws } from "./ibkr.ts";
import { fuzz } from "./main.ts";
import { parsers } from "./parsers.ts";

for (const parser of parsers) {
  Deno.test(`damaged frames of ${parser.name} throw nothing, and no nonsense is accepted`, () => {
    const { bars, sound, rejected } = fuzz(parser, 20_000, 7);
    assert(sound > 1000 && bars >= sound && rejected > 1000, `${bars} bars, ${sound} sound, ${rejected} rejected`);
  });
}

Deno.test("damaged messages of TWS leave the process alive, and no nonsense is accepted", async () => {
  const { sound, rejected } = await fuzzTws(5000, 7);
  assert(sound > 100 && rejected > 500, `${sound} sound, ${rejected} rejected`);
});

for (const name of CONTAINERS) {
  Deno.test(`a damaged file of ${name} ends in bars or in a clear error`, async () => {
    const { files, read, refused } = await fuzzFiles(name, 60, 7);
    assert(files === 60 && read + refused > 20, `${read} read, ${refused} refused`);
  });
}

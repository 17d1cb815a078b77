import { assertEquals } from "@std/assert";
import { createSeriesMap } from "../../src/records/series_map.ts";

Deno.test("series are distinguished by provider, timeframe and symbol, in any order", () => {
  const map = createSeriesMap<number>();
  const keys = ["a", "b"].flatMap((provider) =>
    ["1m", "1d"].flatMap((timeframe) => ["X", "Y"].map((symbol) => ({ provider, timeframe, symbol })))
  );
  assertEquals(map.get(keys[0]), undefined);
  for (const [at, key] of keys.entries()) map.set(key, at);
  assertEquals(keys.toReversed().map(map.get), [7, 6, 5, 4, 3, 2, 1, 0]);
  assertEquals([...map.entries()], keys.map((key, at) => [key, at]));
  assertEquals(map.get({ ...keys[0], provider: "c" }), undefined);
  assertEquals(map.get(keys[0]), 0);
  map.clear();
  assertEquals([map.get(keys[0]), [...map.entries()]], [undefined, []]);
});

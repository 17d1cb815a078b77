import { assertEquals } from "@std/assert";
import { makeDirectory } from "../support/providers.ts";
import { runSeed } from "./run.ts";

// `deno task model` runs a thousand.
for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`a trading day of seed ${seed} leaves no minute that differs in silence`, async () => {
    await using directory = await makeDirectory();
    const { silent, stuck } = await runSeed(seed, directory.path);
    assertEquals(silent, []);
    assertEquals(stuck, []);
  });
}

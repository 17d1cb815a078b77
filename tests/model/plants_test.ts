import { assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { planted, plants, ROOT } from "./plants.ts";

// `deno task model --plant` runs the seed of each.
Deno.test("each rule of the model can be taken out of the source", async () => {
  for (const plant of plants) {
    const source = await Deno.readTextFile(join(ROOT, "src", plant.file));
    assertNotEquals(planted(plant, source), source);
  }
});

import { assertEquals } from "@std/assert";
import { modes, runRow, venues } from "./run_row.ts";
import { rows } from "./rows/mod.ts";

// Each row once at each feed, every other time in another way; `deno task model --rows` runs all.
for (const [at, [name, row]] of Object.entries(rows).entries()) {
  for (const [place, feed] of (row.feeds ?? Object.keys(venues)).entries()) {
    const mode = modes[(at + place) % modes.length];
    Deno.test(`${name}: ${row.title} (${feed}, connection ${mode})`, async () => {
      assertEquals(await runRow(row, feed, mode), []);
    });
  }
}

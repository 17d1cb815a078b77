import { assertEquals } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { readPresence } from "../../src/database/timescale/state.ts";
import { startTimescale } from "../support/timescale.ts";

Deno.test("the extension is created where the server has it, and its functions are found wherever they lie", async () => {
  await using server = await startTimescale();
  // It comes into the schema of the first, which the other does not look into.
  for (const presence of [server.pglite === undefined ? "installed" : "creatable", "installed"] as const) {
    const database = await server.open({ bare: true });
    await prepareDatabase(database);
    assertEquals(await withClient(database, readPresence), presence);
    const problems: Error[] = [];
    const done = await applyTimescale(database, {}, (problem) => problems.push(problem));
    assertEquals(problems, []);
    assertEquals(done.slice(0, -7), presence === "creatable" ? ["create the extension timescaledb"] : []);
  }
});

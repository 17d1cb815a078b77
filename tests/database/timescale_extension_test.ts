import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { adviseOnTimescale, checkTimescale } from "../../src/cli/doctor/database.ts";
import { withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { readPresence } from "../../src/database/timescale/state.ts";
import { startTimescale } from "../support/timescale.ts";

Deno.test("the extension is created if the server has it, and its functions are found in any schema", async () => {
  await using server = await startTimescale();
  // It comes into the schema of the first, which the other does not look into.
  for (const presence of [server.pglite === undefined ? "installed" : "creatable", "installed"] as const) {
    const database = await server.open({ bare: true });
    await prepareDatabase(database);
    assertEquals(await withClient(database, readPresence), presence);
    const examine = () => withClient(database, (client, names) => checkTimescale(client, names, {}));
    assertMatch(await examine(), presence === "creatable" ? /^2\.\d+\.\S+ could be installed$/ : /7 steps to do/);
    const problems: Error[] = [];
    const done = await applyTimescale(database, {}, (problem) => problems.push(problem));
    assertEquals(problems, []);
    assertEquals(done.slice(0, -7), presence === "creatable" ? ["create the extension timescaledb"] : []);
    assertMatch(await examine(), /^version 2\.\d+\.\S+, set up$/);
  }
});

Deno.test("a start warns of versions that are slow with compressed chunks, with advice", () => {
  for (const version of ["2.11.2", "2.9.0", "1.7.5"]) {
    assertStringIncludes(adviseOnTimescale(version)!, `Version ${version} is slow to write into compressed chunks`);
  }
  for (const version of ["2.12.0", "2.23.0-dev", "3.0.0"]) assertEquals(adviseOnTimescale(version), undefined);
});

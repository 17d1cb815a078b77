import { assertEquals } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { changeGrants } from "../../src/database/readers/grants.ts";
import { useEveryStatement } from "../support/every_statement.ts";
import { addForeignColumns } from "../support/foreign_columns.ts";
import { counts, writeOnce } from "../support/lanes.ts";
import { numberedBars } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

test("columns that a user adds to the tables change no answer of any statement", async (server) => {
  const plain = await migratedDatabase(server);
  const odd = await migratedDatabase(server);
  await addForeignColumns(odd.database);
  const expected = await useEveryStatement(plain.database);
  assertEquals((expected as { written: unknown }).written, [counts(98), counts(2, 0, 0, 1)]);
  assertEquals((expected as { gaps: unknown }).gaps, [
    "2024-01-02T14:31 to 2024-01-02T14:32",
    "2024-01-02T14:33 to 2024-01-02T14:34 no trade",
  ]);
  assertEquals(await useEveryStatement(odd.database), expected);
});

test("columns that a user adds to the tables let readers see no more and no less", async (server) => {
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  const { url, database } = await migratedDatabase(server);
  await addForeignColumns(database);
  await writeOnce(database, numberedBars(10));
  await server.query(`CREATE ROLE ${role} LOGIN`);
  const asReader = new URL(url);
  asReader.username = role;
  for (const [tenant, expected] of [["default", 10], ["other", 0]] as const) {
    await withClient(database, (client, names) => changeGrants(client, names, { role, tenant, isRevoked: false }));
    assertEquals(await server.query("SELECT count(*)::int AS seen FROM bars", asReader.href), [{ seen: expected }]);
    await withClient(database, (client, names) => changeGrants(client, names, { role, tenant, isRevoked: true }));
  }
});

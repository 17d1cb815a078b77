import { assertEquals, assertRejects } from "@std/assert";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { type Database, withClient } from "../../src/database/database.ts";
import { makeServerDirectory, runServerProgram } from "../support/postgres.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBar, numbers } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { minutes, OWNER } from "./conformance.ts";

const { test, controlTest } = useServer();

const storeOf = (database: Database, writer: string) =>
  keepCoverageInDatabase({ tenant: "default", writer, run: (work) => withClient(database, work) });
const confirm = (symbol: string, from: number, to: number) => [
  { symbol, confirmed: [minutes([from, to])], doubts: [] },
];
const at = (minute: number) => `to_timestamp(${minutes([minute, 0])[0] / 1000})`;

/** Stores a bar of each of the first hundred minutes. */
async function fill(database: Database): Promise<void> {
  const bars = numbers(100).map((minute) =>
    numberedBar(minute, minute, { ...OWNER, symbol: "A", ts: minutes([minute, 0])[0] })
  );
  assertEquals(await writeOnce(database, bars), counts(100));
}

test("a store reports once the changes by other writers, and deletions", async (server) => {
  const { database } = await migratedDatabase(server);
  await fill(database);
  const [store, other] = [storeOf(database, "host/1"), storeOf(database, "host/2")];
  await store.load(OWNER);
  await store.save(OWNER, [...confirm("A", 0, 50), ...confirm("B", 0, 50)]);
  assertEquals(await store.news!(OWNER), { changed: new Map() });
  await other.save(OWNER, confirm("B", 50, 60));
  const { changed } = await store.news!(OWNER);
  assertEquals([...changed], [["B", { confirmed: [minutes([0, 60])], doubts: [] }]]);
  assertEquals(await store.news!(OWNER), { changed: new Map() });
  await select(database, `DELETE FROM bar WHERE ts = ${at(10)}`);
  // Saved before it has looked: what was deleted stays in doubt.
  await store.save(OWNER, confirm("A", 0, 70));
  const { changed: deleted } = await store.news!(OWNER);
  assertEquals(deleted.get("A")!.confirmed, [minutes([0, 10]), minutes([11, 70])]);
  assertEquals(deleted.get("A")!.doubts.map(({ reason }) => reason), ["deleted"]);
  // From now on it knows, and may confirm it again.
  await store.save(OWNER, confirm("A", 10, 11));
  assertEquals((await store.load(OWNER)).get("A")!.confirmed, [minutes([0, 70])]);
});

controlTest("after a restore in place nothing is saved until the content of the dump is known", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await fill(database);
  const store = storeOf(database, "host/1");
  await store.load(OWNER);
  await store.save(OWNER, confirm("A", 0, 50));
  const directory = await makeServerDirectory();
  const dump = `${directory}/dump`;
  await runServerProgram(directory, "pg_dump", "-Fc", "-f", dump, url);
  await store.save(OWNER, confirm("A", 50, 100));
  await runServerProgram(directory, "pg_restore", "--clean", "--single-transaction", "-d", url, dump);
  await assertRejects(() => store.save(OWNER, confirm("A", 50, 120)), Error, "a table of bars created again");
  const { changed, replaced } = await store.news!(OWNER);
  assertEquals(replaced, "a table of bars created again, as by a restore");
  assertEquals([...changed], [["A", { confirmed: [minutes([0, 50])], doubts: [] }]]);
  await store.save(OWNER, confirm("A", 50, 60));
  assertEquals(await store.news!(OWNER), { changed: new Map() });
  await Deno.remove(directory, { recursive: true });
}, { program: "pg_dump" });

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Client } from "pg";
import { chaosFaults } from "../../src/chaos/faults.ts";
import { findScratches, openScratch, SCRATCH_PREFIX } from "../../src/chaos/scratch.ts";
import type { ChaosResult } from "../../src/chaos/trial.ts";
import { numberedBars } from "../support/numbered.ts";
import { missingServer } from "../support/postgres.ts";
import { databaseAt } from "../support/server_tests.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { writeOnce } from "../support/lanes.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";

const server = await startSharedServer();

const OWN = "SELECT md5(string_agg(bar::text, ' ' ORDER BY series_id, ts)) AS bars FROM public.bar";

testWhere(
  missingServer(),
  "chaos accounts for every bar under each fault, and leaves the database as it was",
  async () => {
    await using work = await openWorkspace(server);
    const database = databaseAt(work.database);
    await prepareDatabase(database);
    await writeOnce(database, numberedBars(500));
    const before = await work.query(OWN);
    const args = ["chaos", "--database", work.database, "--data-dir", work.dataDir];
    const { code, json, stderr } = await work.run([...args, "--records", "1000", "--yes", "--json"], { endless: true });
    const faults: ChaosResult[] = json.faults;
    assertEquals([code, json.ok], [0, true], `${stderr}${JSON.stringify(faults)}`);
    assertEquals(faults.map(({ name }) => name), chaosFaults.map(({ name }) => name));
    for (const { name, ledger, table, deadLetters, failedWrites, skipped } of faults) {
      assertEquals(skipped, undefined, name);
      assert(ledger!.received >= 1000, name);
      assertEquals([table!.rows, table!.wrong, table!.missing, table!.twice], [
        ledger!.received - deadLetters!.expected,
        0,
        0,
        0,
      ]);
      assertEquals(ledger!.deadLettered, deadLetters!.expected, name);
      assertEquals(failedWrites! > 0, name !== "none", name);
    }
    assertEquals(await findScratches(database), []);
    assertEquals(await work.query(OWN), before);
  },
);

testWhere(missingServer(), "chaos asks first, and without a terminal does nothing unless --yes is given", async () => {
  await using work = await openWorkspace(server);
  const { code, stderr } = await work.run(["chaos", "--database", work.database]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "give --yes");
  assertEquals(await findScratches(databaseAt(work.database)), []);
});

testWhere(missingServer(), "chaos that is interrupted drops its schema", async () => {
  await using work = await openWorkspace(server);
  // At once, and while it holds a lock on its own table.
  for (const flags of [[], ["--only", "locked"]]) {
    const running = work.start(["chaos", "--database", work.database, "--records", "1000000", "--yes", ...flags]);
    await running.line(/schema barline_chaos_\w+ is made/);
    const locked = "SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation::regclass::text LIKE '%bar'";
    while (flags.length > 0 && (await work.query(locked)).length === 0) await delay(20);
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assertEquals(code, 130, stderr);
    assertEquals(await findScratches(databaseAt(work.database)), []);
  }
});

testWhere(missingServer(), "a broken promise makes chaos fail, and is named", async () => {
  await using work = await openWorkspace(server);
  // One row is lost on its way, without an error.
  await work.query(
    `CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.open = 500 THEN RETURN NULL; END IF; RETURN new; END $$;
    CREATE FUNCTION public.spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE
      made text := (SELECT object_identity FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '${SCRATCH_PREFIX}%.bar');
    BEGIN
      IF made IS NOT NULL THEN
        EXECUTE format('CREATE TRIGGER lose BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.lose()', made);
      END IF;
    END $$;
    CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.spoil()`,
  );
  const args = ["--only", "poison", "--records", "1000", "--yes", "--json"];
  const { code, json } = await work.run(["chaos", "--database", work.database, ...args]);
  assertEquals([code, json.ok], [1, false]);
  assertEquals(json.faults[0].problem, "1 bars are neither in the table nor among the dead letters");
});

testWhere(missingServer(), "chaos refuses a connection pooler, behind which others would be hit", async () => {
  await using work = await openWorkspace(server);
  const database = databaseAt(work.database);
  const pooled = {
    ...database,
    async connect(signal?: AbortSignal) {
      const client: Client = await database.connect(signal);
      return Object.assign(client, { processID: 1 });
    },
  };
  await assertRejects(() => openScratch(pooled), Error, "through a connection pooler");
  assertEquals(await findScratches(database), []);
});

Deno.test("chaos works on the embedded database, and leaves out what wants several sessions", async () => {
  await using work = await openWorkspace();
  const args = ["chaos", "--data-dir", work.dataDir, "--records", "1000", "--yes", "--json", "--only"];
  for (const [name, isSkipped] of [["cut", false], ["locked", true]] as const) {
    const { code, json, stderr } = await work.run([...args, name]);
    assertEquals(code, 0, `${stderr}${JSON.stringify(json)}`);
    assertEquals((json.faults[0] as ChaosResult).skipped !== undefined, isSkipped);
  }
});

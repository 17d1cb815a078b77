import { assertEquals } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBar, numbers } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { startTimescale } from "../support/timescale.ts";
import { loaded, minutes, OWNER } from "./conformance.ts";

const { test } = useServer();

/** Bars of the minutes from 100 to 199 of two days, of which the first symbol's are confirmed from 0 to 300 of both. */
async function fill(database: Database): Promise<void> {
  const bars = ["A", "B"].flatMap((symbol) =>
    [0, 1440].flatMap((day) =>
      numbers(100).map((at) => numberedBar(at, at, { ...OWNER, symbol, ts: minutes([day + 100 + at, 0])[0] }))
    )
  );
  assertEquals(await writeOnce(database, bars), counts(bars.length));
  const confirmed = [minutes([0, 300]), minutes([1440, 1740])];
  await storeOf(database).save(OWNER, [{ symbol: "A", confirmed, doubts: [] }]);
}

const storeOf = (database: Database) =>
  keepCoverageInDatabase({ tenant: "default", writer: "host/1", run: (work) => withClient(database, work) });

/** What is known of the symbol whose bars were confirmed, without times of the machine. */
async function known(database: Database) {
  const { confirmed, doubts } = (await loaded(storeOf(database))).A;
  return {
    confirmed,
    doubts: doubts.map(({ from, to, reason, attempts, dueAt }) => [from, to, reason, attempts, dueAt < Infinity]),
  };
}

const at = (minute: number) => `to_timestamp(${minutes([minute, 0])[0] / 1000})`;
const doubtOver = (from: number, to: number) => [...minutes([from, to]), "deleted", 0, true];

async function checkDeletions(database: Database): Promise<void> {
  await fill(database);
  await select(database, `DELETE FROM bar WHERE ts < ${at(0)}`);
  assertEquals((await known(database)).doubts, []);
  await select(database, `DELETE FROM bar WHERE ts >= ${at(110)} AND ts < ${at(120)}`);
  assertEquals(await known(database), {
    confirmed: [[0, 110], [120, 300], [1440, 1740]].map(minutes),
    doubts: [doubtOver(110, 120)],
  });
  await select(
    database,
    `DELETE FROM bar USING series_key WHERE series_id = id AND symbol = 'A' AND
  (ts = ${at(150)} OR ts = ${at(160)} OR ts = ${at(1600)})`,
  );
  assertEquals(await known(database), {
    confirmed: [[0, 110], [120, 150], [161, 300], [1440, 1600], [1601, 1740]].map(minutes),
    doubts: [doubtOver(110, 120), doubtOver(150, 161), doubtOver(1600, 1601)],
  });
  assertEquals([...(await storeOf(database).load(OWNER)).keys()], ["A"]);
  await select(database, "TRUNCATE bar");
  assertEquals((await known(database)).confirmed, []);
  assertEquals((await known(database)).doubts.length, 8);
  assertEquals(await select(database, "SELECT * FROM bar_deletion"), []);
}

test("bars that are deleted or truncated come into doubt where they were confirmed", async (server) => {
  const { database } = await migratedDatabase(server);
  await checkDeletions(database);
});

test("who may do nothing but delete bars opens doubts too", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await fill(database);
  const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role}; GRANT SELECT, DELETE ON bar TO ${role}`, url);
  await server.query(`SET ROLE ${role}; DELETE FROM bar WHERE ts = ${at(110)}`, url);
  assertEquals((await known(database)).doubts, [doubtOver(110, 111)]);
});

for (const isCompressed of [false, true]) {
  const kind = isCompressed ? "compressed chunks" : "a hypertable";
  Deno.test(`bars that are deleted from ${kind} come into doubt, moving them there does nothing`, async () => {
    await using server = await startTimescale();
    const database = await server.open();
    await prepareDatabase(database);
    await fill(database);
    await applyTimescale(database, {}, (problem) => Promise.reject(problem));
    assertEquals((await known(database)).doubts, []);
    await select(database, "TRUNCATE bar, series_coverage, series_doubt");
    if (isCompressed) {
      await fill(database);
      await select(database, "SELECT compress_chunk(chunk) FROM show_chunks('bar') AS chunk");
      await select(database, `DELETE FROM bar WHERE ts = ${at(110)}`);
      assertEquals((await known(database)).doubts, [doubtOver(110, 111)]);
      await select(database, "TRUNCATE bar, series_coverage, series_doubt");
    }
    await checkDeletions(database);
  });
}

Deno.test("bars whose chunks were dropped are forgotten, and come into no doubt", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  await fill(database);
  await applyTimescale(database, {}, (problem) => Promise.reject(problem));
  const week = 7 * 1440;
  const later = numberedBar(1, 1, { ...OWNER, symbol: "A", ts: minutes([3 * week, 0])[0] });
  assertEquals(await writeOnce(database, [later]), counts(1));
  const store = storeOf(database);
  await store.load(OWNER);
  const doubt = { reason: "hole" as const, foundAt: 0, dueAt: 0, attempts: 0 };
  const range = (from: number, to: number) => ({ from: minutes([from, to])[0], to: minutes([from, to])[1] });
  await store.save(OWNER, [{
    symbol: "A",
    confirmed: [minutes([3 * week, 3 * week + 1])],
    doubts: [{ ...doubt, ...range(400, 410) }],
  }]);
  await select(database, `SELECT drop_chunks('bar', ${at(2 * week)})`);
  const { changed } = await store.news!(OWNER);
  const expected = { confirmed: [minutes([3 * week, 3 * week + 1])], doubts: [] };
  assertEquals(changed.get("A"), expected);
  assertEquals((await loaded(store)).A, expected);
});

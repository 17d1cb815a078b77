import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
// @ts-types="@types/pg"
import { Client } from "pg";
import { type Database, withClient } from "../../src/database/database.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { adviseOnRight } from "../../src/database/schema/advice.ts";
import { grantRights } from "../../src/database/schema/rights.ts";
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
  const doubts = [[0, 300], [1440, 1740]].map(([from, to]) => doubtOver(from, to));
  assertEquals((await known(database)).doubts, doubts);
  assertEquals(await select(database, "SELECT * FROM bar_deletion"), []);
}

test("bars that are deleted or truncated come into doubt where they were confirmed", async (server) => {
  const { database } = await migratedDatabase(server);
  await checkDeletions(database);
});

test("a bar that is deleted before its coverage is saved is in doubt once it is", async (server) => {
  const { database } = await migratedDatabase(server);
  await fill(database);
  await select(database, "TRUNCATE series_coverage, series_doubt");
  const store = storeOf(database);
  await store.save(OWNER, [{ symbol: "A", confirmed: [minutes([0, 1500])], doubts: [] }]);
  await store.load(OWNER);
  await select(database, `DELETE FROM bar WHERE ts = ${at(1590)}`);
  await store.save(OWNER, [{ symbol: "A", confirmed: [minutes([1500, 1740])], doubts: [] }]);
  assertEquals(await known(database), {
    confirmed: [[0, 1590], [1591, 1740]].map(minutes),
    doubts: [doubtOver(1590, 1591)],
  });
});

test("a bar whose values are in doubt is in doubt as deleted once it is", async (server) => {
  const { database } = await migratedDatabase(server);
  await fill(database);
  const [from, to] = minutes([105, 115]);
  const partial = { from, to, reason: "partial" as const, foundAt: 0, dueAt: 0, attempts: 0 };
  await storeOf(database).save(OWNER, [{ symbol: "A", confirmed: [], doubts: [partial] }]);
  await select(database, `DELETE FROM bar WHERE ts = ${at(110)}`);
  const reasons = (await known(database)).doubts.map(([from, , reason]) => [from, reason]);
  assertEquals(
    reasons,
    [[105, "partial"], [110, "deleted"], [111, "partial"]].map(([minute, reason]) => [
      minutes([minute as number, 0])[0],
      reason,
    ]),
  );
});

/** Divides the bars by their day: two that are filled, one before them, and all others. */
async function divide(database: Database): Promise<void> {
  await select(
    database,
    `ALTER TABLE bar RENAME TO old_bar;
CREATE TABLE bar (LIKE old_bar INCLUDING DEFAULTS, PRIMARY KEY (series_id, ts)) PARTITION BY RANGE (ts);
CREATE TABLE bar_eve PARTITION OF bar FOR VALUES FROM ('2024-01-01Z') TO ('2024-01-02Z');
CREATE TABLE bar_one PARTITION OF bar FOR VALUES FROM ('2024-01-02Z') TO ('2024-01-03Z');
CREATE TABLE bar_two PARTITION OF bar FOR VALUES FROM ('2024-01-03Z') TO ('2024-01-04Z')`,
  );
  await prepareDatabase(database);
  await fill(database);
  await storeOf(database).load(OWNER);
}

const whole = { confirmed: [[0, 300], [1440, 1740]].map(minutes), doubts: [] };
const withoutFirstDay = { confirmed: [minutes([1440, 1740])], doubts: [doubtOver(0, 300)] };

for (
  const [what, statement, expected] of [
    ["truncated", "TRUNCATE bar_one", withoutFirstDay],
    ["dropped", "DROP TABLE bar_one", withoutFirstDay],
    ["detached", "ALTER TABLE bar DETACH PARTITION bar_one", withoutFirstDay],
    ["dropped with all before it", "DROP TABLE bar_one, bar_eve", { ...withoutFirstDay, doubts: [] }],
    ["rewritten", "VACUUM FULL bar_one", whole],
    ["bereft of a bar", `DELETE FROM bar_one WHERE ts = ${at(110)}`, {
      confirmed: [[0, 110], [111, 300], [1440, 1740]].map(minutes),
      doubts: [doubtOver(110, 111)],
    }],
  ] as const
) {
  const outcome = expected === whole
    ? "loses nothing"
    : expected.doubts.length === 0
    ? "is forgotten"
    : "brings its bars into doubt";
  test(`a partition that is ${what} ${outcome}`, async (server) => {
    const { database } = await migratedDatabase(server);
    await divide(database);
    await select(database, statement);
    await storeOf(database).load(OWNER);
    assertEquals(await known(database), expected);
    await select(database, "DELETE FROM bar WHERE ts = '2024-01-03 00:01Z'");
    assertEquals(await select(database, "SELECT * FROM bar_deletion"), []);
  });
}

test("a partition that is truncated is noticed although bars have come into it again", async (server) => {
  const { database } = await migratedDatabase(server);
  await divide(database);
  await select(database, "TRUNCATE bar_one");
  const again = numberedBar(7, Date.now() * 1000 + 60e6, { ...OWNER, symbol: "A", ts: minutes([150, 0])[0] });
  await writeOnce(database, [again]);
  await storeOf(database).load(OWNER);
  assertEquals(await known(database), withoutFirstDay);
});

test("the look for lost partitions does not wait for a lock on the bars", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await divide(database);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
    await withClient(database, (waiting) => waiting.query("SET lock_timeout = 1; SELECT compare_bar_parts()"));
  } finally {
    await client.end();
  }
});

test("a role that may only delete bars opens doubts too", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await fill(database);
  const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role}; GRANT SELECT, DELETE ON bar TO ${role}`, url);
  await server.query(`SET ROLE ${role}; DELETE FROM bar WHERE ts = ${at(110)}`, url);
  assertEquals((await known(database)).doubts, [doubtOver(110, 111)]);
});

test("a reader cannot call the functions that process deletions, a writer can", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await fill(database);
  const [reader, writer] = ["reader", "writer"].map((use) => `${use}_${crypto.randomUUID().replaceAll("-", "")}`);
  await server.query(
    `CREATE ROLE ${reader}; CREATE ROLE ${writer}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`,
    url,
  );
  await withClient(database, (client, names) => grantRights(client, names, writer));
  const call = (role: string, name: string) => server.query(`SET ROLE ${role}; SELECT ${name}()`, url);
  for (const name of ["take_deletions", "compare_bar_parts"]) {
    const { message } = await assertRejects(() => call(reader, name), Error);
    assertEquals(message, `permission denied for function ${name}`);
    assertStringIncludes(adviseOnRight(message)!, "barline migrate --grant ROLE");
  }
  await server.query(
    `INSERT INTO bar_deletion (series_id, ts) SELECT id, ${at(110)} FROM series_key WHERE symbol = 'A'`,
    url,
  );
  await call(writer, "compare_bar_parts");
  assertEquals(await select(database, "SELECT * FROM bar_deletion"), []);
  assertEquals((await known(database)).doubts, [doubtOver(110, 111)]);
});

test("take_deletions() stays closed to readers when it was dropped and is made again", async (server) => {
  const { database } = await migratedDatabase(server);
  await select(database, "DROP FUNCTION take_deletions");
  await prepareDatabase(database);
  assertEquals(
    await select(database, "SELECT has_function_privilege('public', 'take_deletions()', 'EXECUTE') AS may"),
    [
      { may: false },
    ],
  );
});

for (const isCompressed of [false, true]) {
  const kind = isCompressed ? "compressed chunks" : "a hypertable";
  Deno.test(`bars deleted from ${kind} come into doubt, and moving them there does nothing`, async () => {
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

Deno.test("bars of a chunk that is dropped from the middle come into doubt, of one that is compressed they do not", async () => {
  await using server = await startTimescale();
  const database = await server.open();
  await prepareDatabase(database);
  await fill(database);
  await applyTimescale(database, { chunkInterval: "1d" }, (problem) => Promise.reject(problem));
  const last = numberedBar(1, 1, { ...OWNER, symbol: "A", ts: minutes([4 * 1440, 0])[0] });
  assertEquals(await writeOnce(database, [last]), counts(1));
  const store = storeOf(database);
  await store.load(OWNER);
  await select(database, "SELECT compress_chunk(chunk) FROM show_chunks('bar') AS chunk");
  await store.news!(OWNER);
  assertEquals(await known(database), whole);
  await select(database, `SELECT drop_chunks('bar', newer_than => ${at(1440)}, older_than => ${at(2 * 1440)})`);
  const { changed } = await store.news!(OWNER);
  assertEquals(changed.get("A")!.confirmed, [minutes([0, 300])]);
  assertEquals(await known(database), { confirmed: [minutes([0, 300])], doubts: [doubtOver(1440, 1740)] });
});

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

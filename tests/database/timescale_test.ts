import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { TimescaleSettings } from "../../src/config/timescale.ts";
import { type Database, withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale, readPlan } from "../../src/database/timescale/apply.ts";
import { rollups } from "../../src/database/timescale/rollups.ts";
import { readState } from "../../src/database/timescale/state.ts";
import { tryExamples, tryRemoval } from "../support/examples.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { columnsOf, minuteBars, rowsOf } from "../support/rollups.ts";
import { startTimescale, type TimescaleServer } from "../support/timescale.ts";

let server: TimescaleServer;
Deno.test.beforeAll(async () => void (server = await startTimescale()));
Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());

const MARCH = Date.UTC(2024, 2, 1);
/** With the columns by which their rows are told apart. */
const ordered = rollups.map((rollup) => ({ ...rollup, order: rollup.name === "series" ? "id" : "symbol, ts" }));

/** A place with Barline's tables, all plain. */
async function plainDatabase(): Promise<Database> {
  const database = await server.open();
  await prepareDatabase(database);
  return database;
}

async function timescaleDatabase(settings: TimescaleSettings = {}): Promise<Database> {
  const database = await plainDatabase();
  await apply(database, settings);
  return database;
}

/** Applies settings that nothing is wrong with. */
async function apply(database: Database, settings: TimescaleSettings): Promise<string[]> {
  const problems: Error[] = [];
  const done = await applyTimescale(database, settings, (problem) => problems.push(problem));
  assertEquals(problems, []);
  return done;
}

const stateOf = (database: Database) => withClient(database, readState);

Deno.test("a new database gets the hypertable, compression, roll-ups and their policies, and all of it once", async () => {
  const database = await plainDatabase();
  const planned = await withClient(database, (client, names) => readPlan(client, names, {}));
  assertEquals(await apply(database, {}), planned.map(({ name }) => name));
  const { hypertable, rollups: views } = await stateOf(database);
  assertEquals(hypertable?.chunkSeconds, 7 * 86_400);
  assertEquals(hypertable?.compression?.afterSeconds, 30 * 86_400);
  assertEquals(hypertable?.retention, undefined);
  for (const { isContinuous, isRealTime, refresh } of views.values()) {
    assertEquals({ isContinuous, isRealTime, every: refresh?.everySeconds, start: refresh?.startSeconds }, {
      isContinuous: true,
      isRealTime: true,
      every: 300,
      start: undefined,
    });
  }
  const settings = await select(
    database,
    `SELECT attname, segmentby_column_index AS segment, orderby_column_index AS "order", orderby_asc AS ascending
FROM timescaledb_information.compression_settings WHERE hypertable_schema = current_schema() ORDER BY 1`,
  );
  assertEquals(settings, [
    { attname: "series_id", segment: 1, order: null, ascending: null },
    { attname: "ts", segment: null, order: 1, ascending: true },
  ]);
  assertEquals(await apply(database, {}), [], "nothing is left to do");
  assertEquals(await prepareDatabase(database), []);
});

Deno.test("existing rows are moved into chunks unchanged", async () => {
  const database = await plainDatabase();
  const bars = minuteBars(MARCH, 3 * 7 * 24 * 60 / 10);
  await writeOnce(database, bars);
  const before = await rowsOf(database, "bars");
  await apply(database, { chunkInterval: "1d" });
  assertEquals(await rowsOf(database, "bars"), before);
  const [{ chunks }] = await select(database, "SELECT count(*)::int AS chunks FROM show_chunks('bar')");
  assertEquals(chunks, 3);
  assertEquals(await writeOnce(database, bars), counts(0, before.length), "known rows are known");
});

Deno.test("a start leaves a large plain table alone and says what to do", async () => {
  const database = await plainDatabase();
  await writeOnce(database, minuteBars(MARCH, 300));
  await select(database, "ANALYZE bar");
  const problems: Error[] = [];
  assertEquals(await applyTimescale(database, {}, (problem) => problems.push(problem), { mostRows: 500 }), []);
  assertStringIncludes(problems[0].message, "bars have to be moved into chunks");
  assertStringIncludes(problems[0].message, "Run `barline migrate` when there is time for it");
  assertEquals((await stateOf(database)).hypertable, undefined);
  assertEquals((await apply(database, {})).length, 7);
});

Deno.test("changed settings are altered in place, and absent ones keep their state", async () => {
  const database = await timescaleDatabase();
  const before = await stateOf(database);
  await apply(database, {
    chunkInterval: "1d",
    compressAfter: "2w",
    retention: "365d",
    refreshEvery: "10m",
    realTime: false,
  });
  const after = await stateOf(database);
  assertEquals(after.hypertable?.chunkSeconds, 86_400);
  assertEquals(after.hypertable?.compression, { ...before.hypertable!.compression!, afterSeconds: 14 * 86_400 });
  assertEquals(after.hypertable?.retention?.afterSeconds, 365 * 86_400);
  for (const [name, { refresh, isRealTime }] of after.rollups) {
    const { jobId } = before.rollups.get(name)!.refresh!;
    assertEquals(refresh, { jobId, everySeconds: 600, startSeconds: 365 * 86_400, afterSeconds: undefined });
    assertEquals(isRealTime, name === "series", name);
  }
  assertEquals(await apply(database, {}), [], "a start without the file undoes nothing");
  assertEquals(await stateOf(database), after);
});

Deno.test("disabled features are removed, and stay so without the file", async () => {
  const database = await timescaleDatabase({ retention: "52w" });
  await apply(database, { compressAfter: "off", retention: "off", rollups: ["1h", "1d"] });
  const { hypertable, rollups: views } = await stateOf(database);
  assertEquals([hypertable?.compression, hypertable?.retention], [undefined, undefined]);
  assertEquals([...views.values()].map(({ isContinuous }) => isContinuous), [false, false, true, true, true]);
  assertEquals(await apply(database, {}), []);
  assertEquals(await apply(database, { rollups: ["5m", "1h", "1d"] }), ["keep bars_5m as a continuous aggregate"]);
});

Deno.test("with enabled: false nothing is done", async () => {
  const database = await plainDatabase();
  assertEquals(await apply(database, { enabled: false }), []);
  assertEquals((await stateOf(database)).hypertable, undefined);
});

Deno.test("roll-ups are the same as continuous aggregates and as plain views, column by column", async () => {
  const database = await plainDatabase();
  await writeOnce(database, minuteBars(MARCH, 3 * 24 * 60));
  const columns = await Promise.all(rollups.map(({ view }) => columnsOf(database, view)));
  const plain = [];
  for (const { view, order } of ordered) plain.push(await rowsOf(database, view, order));
  assertEquals(plain.map(({ length }) => length), [1728, 576, 144, 6, 4]);
  await apply(database, {});
  for (const [at, { view, aggregate, order }] of ordered.entries()) {
    assertEquals(await columnsOf(database, view), columns[at], view);
    assertEquals(await rowsOf(database, view, order), plain[at], `${view}, read in real time`);
    await select(database, `CALL refresh_continuous_aggregate('${aggregate}', NULL, NULL)`);
    assertEquals(await rowsOf(database, view, order), plain[at], `${view}, refreshed`);
  }
});

Deno.test("the documentation's queries work on a hypertable too", async () => {
  await tryExamples(await timescaleDatabase());
});

Deno.test("the documentation's statements remove a series of a hypertable, and then everything", async () => {
  await tryRemoval(await timescaleDatabase());
});

Deno.test("a roll-up equals the result of its minutes: open, high, low, close, volume, VWAP by volume, trades", async () => {
  const database = await timescaleDatabase();
  const [bar] = minuteBars(MARCH, 1, ["AAA"]);
  await writeOnce(database, [
    { ...bar, ts: MARCH + 120_000, open: 5, high: 6, low: 1, close: 2, volume: 1, vwap: 3, trades: 7 },
    { ...bar, ts: MARCH, open: 3, high: 9, low: 2, close: 5, volume: 3, vwap: 7, trades: undefined },
    { ...bar, ts: MARCH + 60_000, open: 4, high: 5, low: 3, close: 4, volume: 10, vwap: undefined, trades: 2 },
    { ...bar, ts: MARCH + 300_000, open: 1, high: 1, low: 1, close: 1, volume: 0, vwap: 1, trades: undefined },
  ]);
  const rows = await select(
    database,
    "SELECT ts, open, high, low, close, volume, vwap, trades::int, bars::int FROM bars_5m ORDER BY ts",
  );
  assertEquals(rows, [
    { ts: new Date(MARCH), open: 3, high: 9, low: 1, close: 2, volume: 14, vwap: 6, trades: 9, bars: 3 },
    { ts: new Date(MARCH + 300_000), open: 1, high: 1, low: 1, close: 1, volume: 0, vwap: null, trades: null, bars: 1 },
  ]);
});

Deno.test("rights on a roll-up, and views that are built on it, survive its change", async () => {
  const database = await plainDatabase();
  await writeOnce(database, minuteBars(MARCH, 300));
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  await select(
    database,
    `CREATE ROLE "${role}"; GRANT SELECT ON bars_1h TO "${role}"; GRANT SELECT ON bars_1d, series TO PUBLIC;
CREATE VIEW mine AS SELECT * FROM bars_1h`,
  );
  const may = () =>
    select(
      database,
      `SELECT has_table_privilege('${role}', view, 'SELECT') AS may
FROM unnest('{bars_5m,bars_1h,bars_1d,series}'::text[]) AS view`,
    );
  const wanted = [{ may: false }, { may: true }, { may: true }, { may: true }];
  const rows = await rowsOf(database, "mine");
  for (const rollups of [undefined, [], ["1h" as const]]) {
    await apply(database, { rollups });
    assertEquals(await may(), wanted);
    assertEquals(await rowsOf(database, "mine"), rows);
  }
  await select(database, `DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
});

Deno.test("a step that fails is reported, and the others are taken", async () => {
  const database = await plainDatabase();
  await select(database, "CREATE TABLE bar_15m ()");
  const problems: Error[] = [];
  const done = await applyTimescale(database, {}, (problem) => problems.push(problem));
  assertEquals(problems.length, 1);
  assertStringIncludes(
    problems[0].message,
    'Cannot keep bars_15m as a continuous aggregate: continuous aggregate "bar_15m" already exists',
  );
  assertEquals(done.length, 6);
  const kept = [...(await stateOf(database)).rollups.values()].map(({ isContinuous }) => isContinuous);
  assertEquals(kept, [true, false, true, true, true]);
  await select(database, "DROP TABLE bar_15m");
  assertEquals(await apply(database, {}), ["keep bars_15m as a continuous aggregate"], "made up for later");
});

Deno.test("bars that retention drops stay in the roll-ups", async () => {
  const database = await timescaleDatabase({ retention: "7d" });
  await writeOnce(database, minuteBars(MARCH, 600));
  for (const { aggregate } of rollups) {
    await select(database, `CALL refresh_continuous_aggregate('${aggregate}', NULL, NULL)`);
  }
  const before = await rowsOf(database, "bars_1h");
  assert(before.length > 0);
  const { hypertable } = await stateOf(database);
  await select(database, `CALL run_job(${hypertable!.retention!.jobId})`);
  assertEquals(await rowsOf(database, "bars"), []);
  assertEquals(await select(database, "SELECT first_ts, bars FROM series WHERE bars <> 0 OR first_ts IS NOT NULL"), []);
  // Neither with the policy nor when it is lengthened or gone may a refresh look where nothing is any more.
  for (const retention of [undefined, "30d", "off"]) {
    await apply(database, { retention });
    for (const { refresh } of (await stateOf(database)).rollups.values()) {
      await select(database, `CALL run_job(${refresh!.jobId})`);
    }
    assertEquals(await rowsOf(database, "bars_1h"), before, `retention ${retention}`);
  }
});

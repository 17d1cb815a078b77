import { assert, assertEquals } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import type { Database } from "../../src/database/database.ts";
import { numberedBar, numberedBars, numbers, storedNumbers } from "../support/numbered.ts";
import { counts, never, recordStatements, select, withLane, writeOnce } from "../support/lanes.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { test } = useServer();

/** Where each row lies and which transaction has put it there: either changes when a row is rewritten. */
function versions(database: Database) {
  return select(database, "SELECT ctid::text, xmin::text FROM bar ORDER BY series_id, ts");
}

/** Price and receive time of the one row. */
async function onlyRow(database: Database) {
  const rows = await select(
    database,
    "SELECT close, (extract(epoch FROM received_at) * 1000000)::float8 AS received FROM bar",
  );
  assertEquals(rows.length, 1);
  return [rows[0].close, rows[0].received];
}

test("new rows are stored and counted", async (server) => {
  const { database } = await migratedDatabase(server);
  assertEquals(await writeOnce(database, numberedBars(500)), counts(500));
  assertEquals(await storedNumbers(database), numbers(500));
});

test("an empty batch writes nothing", async (server) => {
  const { database } = await migratedDatabase(server);
  assertEquals(await writeOnce(database, []), counts(0));
});

test("rows that come again are unchanged, and are not rewritten", async (server) => {
  const { database } = await migratedDatabase(server);
  const bars = numberedBars(200);
  await writeOnce(database, bars);
  const before = await versions(database);
  assertEquals(await writeOnce(database, bars), counts(0, 200));
  const later = bars.map((bar) => ({ ...bar, receivedAt: bar.receivedAt + 1_000_000 }));
  assertEquals(await writeOnce(database, later), counts(0, 200), "a later receive time alone is no change");
  assertEquals(await versions(database), before);
});

test("each row of a mixed batch counts in its own outcome", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, numberedBars(100));
  const same = numberedBars(30);
  const changed = numberedBars(20, 30).map((bar) => ({ ...bar, volume: 2, receivedAt: 1000 + bar.receivedAt }));
  const older = numberedBars(10, 50).map((bar) => ({ ...bar, volume: 3, receivedAt: -1 }));
  const fresh = numberedBars(40, 100);
  const twice = numberedBars(15, 200).flatMap((bar) => [bar, { ...bar, volume: 4, receivedAt: bar.receivedAt + 1 }]);
  const batch = [...fresh, ...same, ...twice, ...changed, ...older];
  assertEquals(await writeOnce(database, batch), counts(40 + 20 + 15, 30 + 10, 15, 20));
  assertEquals(
    await select(database, "SELECT volume, count(*)::int AS count FROM bar GROUP BY volume ORDER BY volume"),
    [{ volume: 1, count: 120 }, { volume: 2, count: 20 }, { volume: 4, count: 15 }],
  );
});

test("a newer observation replaces an older one", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, [numberedBar(0, 1000, { close: 1 })]);
  assertEquals(await writeOnce(database, [numberedBar(0, 2000, { close: 2 })]), counts(1, 0, 0, 1));
  assertEquals(await onlyRow(database), [2, 2000]);
});

test("an older observation never replaces a newer one", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, [numberedBar(0, 2000, { close: 2 })]);
  assertEquals(await writeOnce(database, [numberedBar(0, 1999, { close: 1 })]), counts(0, 1));
  assertEquals(await onlyRow(database), [2, 2000]);
});

test("the newest of two observations in one batch wins, at any place", async (server) => {
  for (const order of [[1000, 3000, 2000], [3000, 2000, 1000], [1000, 2000, 3000]]) {
    const { database } = await migratedDatabase(server);
    const bars = order.map((receivedAt) => numberedBar(0, receivedAt, { close: receivedAt }));
    assertEquals(await writeOnce(database, bars), counts(1, 0, 2));
    assertEquals(await onlyRow(database), [3000, 3000]);
  }
});

test("the last of two observations received at once wins", async (server) => {
  const { database } = await migratedDatabase(server);
  const bars = [1, 2, 3].map((close) => numberedBar(0, 1000, { close }));
  assertEquals(await writeOnce(database, bars), counts(1, 0, 2));
  assertEquals(await onlyRow(database), [3, 1000]);
});

test("a value that appears, disappears or is not a number is a change like any other", async (server) => {
  const { database } = await migratedDatabase(server);
  const write = (receivedAt: number, changes: object) => writeOnce(database, [numberedBar(0, receivedAt, changes)]);
  assertEquals(await write(1, {}), counts(1));
  assertEquals(await write(2, { vwap: 1.5, trades: 3 }), counts(1, 0, 0, 1), "appeared");
  assertEquals(await write(3, { vwap: 1.5, trades: 3 }), counts(0, 1));
  assertEquals(await write(4, { trades: 3 }), counts(1, 0, 0, 1), "disappeared");
  assertEquals(await write(5, { trades: 3, close: NaN }), counts(1, 0, 0, 1), "NaN");
  assertEquals(await write(6, { trades: 3, close: NaN }), counts(0, 1), "NaN again");
  assertEquals(await write(7, { trades: 3, close: NaN, status: "correction" }), counts(1, 0, 0, 1), "status");
  assertEquals(await select(database, "SELECT trades, vwap, close, status FROM bars"), [
    { trades: 3, vwap: null, close: NaN, status: "correction" },
  ]);
});

test("a batch in any order is written in the order of its key", async (server) => {
  const { database } = await migratedDatabase(server);
  const bars = numberedBars(300);
  assertEquals(await writeOnce(database, bars.toReversed()), counts(300));
  assertEquals(
    await select(
      database,
      "SELECT count(*)::int AS misplaced FROM (SELECT ctid, lag(ctid) OVER (ORDER BY series_id, ts) AS before FROM bar) AS placed WHERE before > ctid",
    ),
    [{ misplaced: 0 }],
  );
});

test("new rows go by COPY, known ones by the upsert at once, and COPY is tried again later", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, numberedBars(1000));
  const recorded = recordStatements(database);
  await withLane(recorded, async (lane) => {
    /** Which ways the next batch goes. */
    const ways = async (from: number) => {
      recorded.statements.length = 0;
      await lane.write(rowsOf(numberedBars(100, from)), never);
      return recorded.statements.filter((statement) => /^COPY|^INSERT INTO bar/.test(statement)).join(" then ");
    };
    assertEquals(await ways(1000), "COPY");
    assertEquals(await ways(1100), "COPY");
    assertEquals(await ways(0), "COPY then INSERT INTO bar");
    const later: string[] = [];
    for (let batch = 0; batch < 20; batch++) later.push(await ways(100 * (batch % 10)));
    const tried = later.flatMap((way, at) => way.startsWith("COPY") ? [at] : []);
    assertEquals(later.filter((way) => way === "INSERT INTO bar").length, 20 - tried.length);
    assert(tried.length >= 2, "COPY was never tried again");
    const pauses = tried.slice(1).map((at, place) => at - tried[place]);
    assert(pauses.every((pause, at) => at === 0 || pause > pauses[at - 1]), `pauses do not grow: ${pauses}`);
    let fresh = 2000;
    while (await ways(fresh) !== "COPY") fresh += 100;
    assertEquals(await ways(fresh + 100), "COPY", "after COPY has worked it is tried at once");
  });
});

test("a COPY that meets a known key leaves nothing behind before the upsert", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, numberedBars(1, 99));
  assertEquals(await writeOnce(database, numberedBars(100)), counts(99, 1));
  assertEquals(await storedNumbers(database), numbers(100));
});

test("two tenants have the same bars side by side", async (server) => {
  const { database } = await migratedDatabase(server);
  await writeOnce(database, numberedBars(10));
  await withClient(database, (client) => client.query("UPDATE series SET tenant = 'other'"));
  assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  assertEquals(await select(database, "SELECT tenant, count(*)::int AS count FROM bars GROUP BY tenant ORDER BY 1"), [
    { tenant: "default", count: 10 },
    { tenant: "other", count: 10 },
  ]);
});

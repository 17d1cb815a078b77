import { assertEquals } from "@std/assert";
import type { Database } from "../../src/database/database.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { barSink, counts, never, select } from "../support/lanes.ts";
import { numberedBar, numberedBars } from "../support/numbered.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { endOf } from "../../src/cli/exit.ts";
import { summarize } from "../../src/cli/summary.ts";
import { createLatencyDistribution } from "../../src/telemetry/latency.ts";
import { createLedger, imbalance } from "../../src/pipeline/ledger.ts";
import { rowsOf } from "../support/frames.ts";

const { test } = useServer();

/** Makes the table of bars take every second bar without keeping it. */
async function swallowOdd(database: Database): Promise<void> {
  await select(
    database,
    `CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.open::int % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END'`,
  );
  await select(database, "CREATE TRIGGER swallow BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION swallow()");
}

test("rows that a trigger takes without an error count as swallowed, by COPY and by the upsert", async (server) => {
  const { database } = await migratedDatabase(server);
  await swallowOdd(database);
  const notices: string[] = [];
  const warn = (message: string) => void notices.push(message);
  await using sink = openPostgresSink({ database, kind: recordKind("bar"), deadlineMs: 10_000, warn });
  await using lane = sink.openLane();
  assertEquals(await lane.write(rowsOf(numberedBars(400)), never), { ...counts(200), swallowed: 200 });
  // Again: the even ones are there, and the odd ones still are not.
  assertEquals(await lane.write(rowsOf(numberedBars(400)), never), { ...counts(0, 200), swallowed: 200 });
  const changed = [numberedBar(0, 1000, { close: 5, high: 5 }), numberedBar(1, 1000), numberedBar(2)];
  assertEquals(await lane.write(rowsOf(changed), never), { ...counts(1, 1, 0, 1), swallowed: 1 });
  assertEquals(notices.length, 1);
  assertEquals(await select(database, "SELECT count(*)::int AS count FROM bar"), [{ count: 200 }]);
});

test("a run whose rows are swallowed balances, says so, and ends with exit code 4", async () => {
  const ledger = createLedger();
  ledger.listen({ type: "accepted", kind: "bar", provider: "p", count: 4 });
  const result = { stored: 1, unchanged: 1, deduplicated: 0, swallowed: 2 };
  const written = { kind: "bar", worker: 0, count: 4, seconds: 0, attemptSeconds: 0 };
  ledger.listen({ type: "batch-written", ...written, result });
  ledger.settled(4);
  const outcome = { ledger: ledger.read() };
  const end = endOf({ outcome, signals: [], unread: "nothing", isStopped: false, isStrict: false });
  assertEquals([imbalance(outcome.ledger), end.code], [0, 4]);
  const latency = createLatencyDistribution();
  const text = summarize({ outcome, end, seconds: 1, latency, letters: { directory: "", commands: [] }, json: false });
  assertEquals(text.split("\n")[0].endsWith("+ in flight 0 + swallowed 2"), true, text);
  await Promise.resolve();
});

test("each write waits for the disk under every setting of the role, by COPY and by the upsert", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const [{ name }] = await select(database, "SELECT current_database() AS name");
  await select(database, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  await select(database, "CREATE TABLE seen (setting text)");
  await select(
    database,
    `CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO seen VALUES (current_setting(''synchronous_commit'')); RETURN NULL; END'`,
  );
  await select(database, "CREATE TRIGGER see AFTER INSERT ON bar FOR EACH STATEMENT EXECUTE FUNCTION see()");
  // A setting of the upsert takes effect at its commit, which this sees.
  await select(
    database,
    "CREATE CONSTRAINT TRIGGER see_late AFTER UPDATE ON bar DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see()",
  );
  const write = async (close: number, synchronousCommit?: "off") => {
    await using reopened = databaseAt(url);
    await using sink = synchronousCommit === undefined
      ? barSink(reopened)
      : openPostgresSink({ database: reopened, kind: recordKind("bar"), deadlineMs: 10_000, synchronousCommit });
    await using lane = sink.openLane();
    await lane.write(rowsOf([numberedBar(0, close, { close, low: close, high: 9 })]), never);
  };
  const seen = async () => (await select(database, "DELETE FROM seen RETURNING setting")).map(({ setting }) => setting);
  await write(1);
  assertEquals(await seen(), ["on"]);
  await write(2);
  assertEquals((await seen()).at(-1), "on");
  await write(3, "off");
  assertEquals((await seen()).at(-1), "off");
});

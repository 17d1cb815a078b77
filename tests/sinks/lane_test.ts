import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import type { WriteCounts } from "../../src/events.ts";
import type { Database } from "../../src/database/database.ts";
import { barSink, counts, never, select, withLane } from "../support/lanes.ts";
import { numberedBars, numbers, storedNumbers } from "../support/numbered.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { test, controlTest } = useServer();

/** Keeps every write of bars waiting. */
async function holdBars(database: Database): Promise<AsyncDisposable> {
  const client = await database.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE bar IN EXCLUSIVE MODE");
  return {
    async [Symbol.asyncDispose]() {
      await client.end();
    },
  };
}

const WAITING = `SELECT count(*)::int AS count FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()`;

test("an abort ends a write that waits for a lock, and nothing of it is written later", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await withLane(database, async (lane) => {
    const aborting = new AbortController();
    const reason = new Error("given up");
    const writing = (async () => {
      await using _held = await holdBars(database);
      const write = lane.write(rowsOf(numberedBars(100)), aborting.signal);
      while ((await server.query(WAITING, url))[0].count === 0) await delay(20);
      aborting.abort(reason);
      assertEquals(await assertRejects(() => write), reason);
      // The connection is cut, but a server that waits for a lock does not notice.
      await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    })();
    await writing;
    assertEquals(await lane.write(rowsOf(numberedBars(50)), never), counts(50));
  });
  assertEquals(await storedNumbers(database), numbers(50));
});

test("the server's own time-out of a write is transient, and the lane keeps writing", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const impatient = databaseAt(url, 100);
  const sink = barSink(impatient);
  await using lane = sink.openLane();
  {
    await using _held = await holdBars(database);
    const error = await assertRejects(() => lane.write(rowsOf(numberedBars(10)), never));
    assertEquals((error as { code?: string }).code, "57014");
    assertEquals(sink.classify(error), "transient");
  }
  // A busy machine may need more than one try within that time.
  let written: WriteCounts | undefined;
  while (written === undefined) written = await lane.write(rowsOf(numberedBars(10)), never).catch(() => undefined);
  assertEquals(written, counts(10));
});

test("a lane's own deadline is transient, is explained, and the lane keeps writing", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database, 1000);
  await using lane = sink.openLane();
  {
    await using _held = await holdBars(database);
    const error = await assertRejects(() => lane.write(rowsOf(numberedBars(10)), never), Error);
    assertEquals(error.message, "Cannot finish a write within 1000 ms: the database does not answer");
    assertEquals(sink.classify(error), "transient");
  }
  const { stored, unchanged } = await lane.write(rowsOf(numberedBars(10)), never);
  assertEquals(stored + unchanged, 10);
});

controlTest("an abort ends the wait for a connection to a server that hangs", async (server, control) => {
  const { database } = await migratedDatabase(server);
  await control.signal("SIGSTOP");
  try {
    await withLane(database, async (lane) => {
      const aborting = new AbortController();
      const reason = new Error("given up");
      const writing = lane.write(rowsOf(numberedBars(10)), aborting.signal);
      queueMicrotask(() => aborting.abort(reason));
      assertEquals(await assertRejects(() => writing), reason);
    });
  } finally {
    await control.signal("SIGCONT");
  }
});

test("a closed lane leaves no connection behind", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const mine = () => server.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'barline'", url);
  await withLane(database, async (lane) => {
    await lane.write(rowsOf(numberedBars(10)), never);
    assertEquals((await mine()).length, 1);
  });
  while ((await mine()).length > 0) await delay(20);
});

test("lanes have a connection each", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database);
  const lanes = numbers(3).map(() => sink.openLane());
  await Promise.all(lanes.map((lane, at) => lane.write(rowsOf(numberedBars(100, at * 100)), never)));
  const [{ count }] = await select(
    database,
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'barline' AND datname = current_database()",
  );
  assert(count as number >= 3);
  await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  assertEquals(await storedNumbers(database), numbers(300));
});

import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

const TERMINATE = `SELECT pg_terminate_backend(pid) AS terminated FROM pg_stat_activity
WHERE application_name = 'barline' AND datname = current_database()`;

test("a backend that is terminated while it waits for a lock has its batch written by another", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await using first = await startPipeline(url, [numberedProvider({ count: 200 })], { workers: "1", batchSize: "200" });
  await first.outcome;
  const blocker = await database.connect();
  try {
    await blocker.query("BEGIN");
    await blocker.query("SET application_name = 'blocker'");
    await blocker.query("LOCK TABLE bar IN EXCLUSIVE MODE");
    const source = numberedProvider({ from: 200, count: 200 });
    await using second = await startPipeline(url, [source], { workers: "1", batchSize: "200" });
    const failed = second.next("write-failed");
    while ((await server.query(`${TERMINATE} AND wait_event_type = 'Lock'`, url)).length === 0) await delay(20);
    assertEquals((await failed).fault, "transient");
    await blocker.query("COMMIT");
    const { ledger } = await second.outcome;
    assertEquals(ledger.stored, 200);
  } finally {
    await blocker.end();
  }
  assertEquals(await storedNumbers(database), numbers(400));
});

import { assert, assertEquals } from "@std/assert";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

const TERMINATE = `SELECT pg_terminate_backend(pid) AS terminated FROM pg_stat_activity
WHERE application_name = 'barline' AND datname = current_database()`;

test("backends that are terminated again and again in mid-batch cost no bar", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const over = new AbortController();
  const source = numberedProvider({ until: over.signal });
  await using pipeline = await startPipeline(url, [source], { batchSize: "500" });
  let terminated = 0;
  for (let round = 0; round < 20; round++) {
    // Now and then between two batches, mostly in the middle of one.
    await pipeline.batches(1 + round % 3);
    terminated += (await server.query(TERMINATE, url)).length;
  }
  over.abort();
  const { ledger, failure } = await pipeline.outcome;
  assertEquals(failure, undefined);
  assert(terminated >= 20, `only ${terminated} backends were terminated`);
  assert(pipeline.events.of("write-failed").length > 0, "no write was hit");
  assertEquals(pipeline.letters, []);
  assertEquals(ledger.received, source.sent);
  assertEquals(await storedNumbers(database), numbers(source.sent));
});

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
    while ((await server.query(`${TERMINATE} AND wait_event_type = 'Lock'`, url)).length === 0);
    assertEquals((await failed).fault, "transient");
    await blocker.query("COMMIT");
    const { ledger } = await second.outcome;
    assertEquals(ledger.stored, 200);
  } finally {
    await blocker.end();
  }
  assertEquals(await storedNumbers(database), numbers(400));
});

import { assert, assertEquals } from "@std/assert";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { type RunningPipeline, startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { controlTest } = useServer();

/** Longer than any pause of a busy machine. */
const WRITE_TIMEOUT_MS = 60_000;

/** Resolves when the circuit has opened. */
function opened(pipeline: RunningPipeline): Promise<unknown> {
  return pipeline.next("circuit", ({ state }) => state === "open");
}

controlTest(
  "during an outage the source waits, and the circuit lets one probe through at a time",
  async (server, control) => {
    const { url, database } = await migratedDatabase(server);
    const over = new AbortController();
    const source = numberedProvider({ until: over.signal });
    const settings = { capacity: "1000", workers: "4", circuitFailures: "2", retryAttempts: "1" };
    await using pipeline = await startPipeline(url, [source], settings);
    await pipeline.batches(5);
    const open = opened(pipeline);
    await control.stop("fast");
    await open;
    const trialsBefore = pipeline.events.of("write-failed").length;
    const openBefore = pipeline.events.of("circuit").filter(({ state }) => state === "open").length;
    for (let probes = 0; probes < 10; probes++) await opened(pipeline);
    const trials = pipeline.events.of("write-failed").length - trialsBefore;
    const opens = pipeline.events.of("circuit").filter(({ state }) => state === "open").length - openBefore;
    // Beyond the probes only those four writes that were under way when the circuit opened.
    assert(trials <= opens + 4, `${trials} writes were tried for ${opens} probes`);
    const sentDuringOutage = source.sent;
    assert(pipeline.app.health().coordinators[0].queue.size <= 1000 + 100, "the queue is over its capacity");
    await opened(pipeline);
    assertEquals(source.sent, sentDuringOutage, "the source was pulled during the outage");
    await control.start();
    await pipeline.batches(10);
    over.abort();
    await pipeline.outcome;
    assertEquals(pipeline.letters, []);
    assertEquals(await storedNumbers(database), numbers(source.sent));
  },
);

controlTest(
  "an abort while the server hangs ends at once, with every unwritten bar among the dead letters",
  async (server, control) => {
    const { url, database } = await migratedDatabase(server);
    const source = numberedProvider();
    await using pipeline = await startPipeline(url, [source], {
      writeTimeoutMs: String(WRITE_TIMEOUT_MS),
      capacity: "1000",
    });
    await pipeline.batches(5);
    await control.signal("SIGSTOP");
    const started = performance.now();
    try {
      pipeline.app.abort(new Error("stopped before it was written: second signal"));
      await pipeline.outcome;
      await pipeline.app[Symbol.asyncDispose]();
      assert(performance.now() - started < WRITE_TIMEOUT_MS, "the end waited for the server");
    } finally {
      await control.signal("SIGCONT");
    }
    const dead = pipeline.letters.map(({ item }) => (item as { open: number }).open);
    assert(pipeline.letters.every(({ cause }) => cause === "aborted"));
    // What was under way may be in both: the server may still have written it.
    const everywhere = new Set([...dead, ...await storedNumbers(database)]);
    assertEquals(everywhere.size, (await pipeline.outcome).ledger.received);
  },
);

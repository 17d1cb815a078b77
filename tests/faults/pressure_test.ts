import { assert, assertEquals } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { bar } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startPipeline } from "../support/pipeline.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { startWebhook } from "../support/webhook.ts";

const { controlTest } = useServer();

controlTest(
  "history is asked at half the rate while the database is away, and at the full one after",
  async (server, control) => {
    const { url } = await migratedDatabase(server);
    await using fake = startFakeAlpaca();
    await using directory = await makeDirectory();
    const provider = createAlpaca(
      providerSettings({ symbols: ["AAPL"], dataDir: directory.path, variable: (name) => fake.variables[name] }),
    );
    const [bucket] = provider.buckets!;
    const full = bucket.perSecond;
    await using pipeline = await startPipeline(url, [provider], { circuitFailures: "1", retryAttempts: "1" });
    const connection = await fake.connection();
    const first = pipeline.batches(1);
    connection.bars(bar(0));
    await first;
    assertEquals(bucket.factor, 1);
    const hard = pipeline.next("backpressure", ({ level }) => level === "hard");
    await control.stop("fast");
    connection.bars(bar(1));
    await hard;
    assertEquals(bucket.factor, 0.5);
    const ok = pipeline.next("backpressure", ({ level }) => level === "ok");
    await control.start();
    await ok;
    assertEquals([bucket.factor, bucket.perSecond], [1, full]);
    pipeline.app.stop();
    assertEquals((await pipeline.outcome).ledger.stored, 2);
  },
);

controlTest(
  "an outage is posted as hard, its end with the state after it and the present queue",
  async (server, control) => {
    const { url } = await migratedDatabase(server);
    await using webhook = startWebhook();
    const over = new AbortController();
    const source = numberedProvider({ until: over.signal });
    const settings = { feedbackUrl: webhook.url, capacity: "1000", circuitFailures: "1", retryAttempts: "1" };
    await using pipeline = await startPipeline(url, [source], settings);
    await pipeline.batches(5);
    const opened = pipeline.next("circuit", ({ state }) => state === "open");
    await control.stop("fast");
    await opened;
    const closed = pipeline.next("circuit", ({ state }) => state === "closed");
    await control.start();
    await closed;
    over.abort();
    await pipeline.outcome;
    // The end waits for what is unsent.
    await pipeline.app[Symbol.asyncDispose]();
    const levels = webhook.posted.map(({ level }) => level);
    assert(levels.includes("hard"), levels.join());
    assertEquals(levels.at(-1), "ok");
    assert(levels.every((level, at) => level !== levels[at - 1]), levels.join());
    for (const { queue_size, capacity, utilization } of webhook.posted) {
      assertEquals([capacity, utilization], [1000, queue_size / 1000]);
    }
  },
);

for (const mishap of ["hang", 500] as const) {
  controlTest(`bars are committed although the webhook answers with ${mishap}`, async (server, control) => {
    const { url, database } = await migratedDatabase(server);
    await using webhook = startWebhook(Array(1000).fill(mishap));
    const over = new AbortController();
    const source = numberedProvider({ until: over.signal });
    const settings = { feedbackUrl: webhook.url, capacity: "1000", circuitFailures: "1", retryAttempts: "1" };
    await using pipeline = await startPipeline(url, [source], settings);
    await pipeline.batches(5);
    for (let round = 0; round < 3; round++) {
      const opened = pipeline.next("circuit", ({ state }) => state === "open");
      await control.stop("fast");
      await opened;
      await control.start();
      await pipeline.batches(20);
    }
    over.abort();
    const { ledger } = await pipeline.outcome;
    assertEquals(await storedNumbers(database), numbers(source.sent));
    assertEquals([ledger.stored, ledger.deadLettered], [source.sent, 0]);
    assertEquals(pipeline.events.of("feedback").filter(({ outcome }) => outcome === "sent"), []);
    assert(webhook.posted.length > 0);
  });
}

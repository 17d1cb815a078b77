import { assertEquals } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { bar } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startPipeline } from "../support/pipeline.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

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

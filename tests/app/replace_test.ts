import { assertEquals } from "@std/assert";
import { Client } from "pg";
import type { TenantOptions } from "../../src/app/app.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { memoryLetters } from "../support/letters.ts";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { type RunningPipeline, startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();
const never = () => false;

/** What makes these the providers of a pipeline's tenant. */
function withProviders({ app }: RunningPipeline, providers: readonly Provider[]): TenantOptions[] {
  const [{ config }] = app.tenants();
  return [{ config, providers, kinds: ["bar"], deadLetters: memoryLetters, listeners: [] }];
}

test("a provider that comes when the last source has ended is read, though the rest is still being written", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const lock = new Client({ connectionString: url });
  await lock.connect();
  await lock.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
  await using pipeline = await startPipeline(url, [numberedProvider({ count: 100 })]);
  while (pipeline.app.tenants()[0].state !== "draining") await new Promise((resolve) => setTimeout(resolve, 5));
  const later = numberedProvider({ name: "later", from: 100, count: 100 });
  const replacing = pipeline.app.replace(withProviders(pipeline, [later]), never);
  await lock.query("ROLLBACK");
  await lock.end();
  const { reopened } = await replacing;
  assertEquals(reopened.get("default"), { added: ["later"], removed: ["numbered"], replaced: [], kept: [] });
  const { ledger } = await pipeline.outcome;
  assertEquals([ledger.received, ledger.stored], [200, 200]);
  assertEquals(await storedNumbers(database), numbers(200));
});

test("a live feed that comes to a run without a journal gets one", async (server) => {
  const { url } = await migratedDatabase(server);
  const dataDir = await Deno.makeTempDir({ prefix: "barline-replace-" });
  {
    await using pipeline = await startPipeline(url, [numberedProvider()], { dataDir });
    await pipeline.batches(2);
    assertEquals(pipeline.app.tenants()[0].health().journal, undefined);
    const feed: Provider = { ...numberedProvider({ name: "feed" }), isLive: true };
    const { reopened, kept } = await pipeline.app.replace(withProviders(pipeline, [feed]), never);
    assertEquals([[...reopened.keys()], kept.size], [["default"], 0]);
    assertEquals(pipeline.app.tenants()[0].health().journal?.mode, "overflow");
    pipeline.app.stop();
    assertEquals((await pipeline.outcome).failure, undefined);
  }
  await Deno.remove(dataDir, { recursive: true });
});

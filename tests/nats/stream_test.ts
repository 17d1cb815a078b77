import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { NatsSettings } from "../../src/config/nats.ts";
import { openNats } from "../../src/nats/connection.ts";
import { ensureStream, expectedStream, findStream, manageStreams, prepareStream } from "../../src/nats/stream.ts";
import { missingNats, type NatsServer, natsSettings, startNats } from "../support/nats.ts";
import { testWhere } from "../support/skip.ts";

const missing = missingNats();
let server: NatsServer;
if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    server = await startNats();
  });
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
}

/** Registers a test that has a connection, and a stream of its own name that is not there yet. */
function test(name: string, fn: (look: Look) => Promise<void>): void {
  testWhere(missing, name, async () => {
    const own = natsSettings(server.url, { natsStream: `S${crypto.randomUUID().replaceAll("-", "")}` });
    await using nats = openNats(own, "test");
    const manager = await manageStreams(nats);
    const look = (given: Partial<NatsSettings> = {}) => expectedStream({ ...own, ...given });
    try {
      await fn({ manager, look });
    } finally {
      await manager.streams.delete(own.natsStream).catch(() => {});
    }
  });
}

interface Look {
  readonly manager: Awaited<ReturnType<typeof manageStreams>>;
  readonly look: (given?: Partial<NatsSettings>) => ReturnType<typeof expectedStream>;
}

test("a stream is created by the options, and is up to date then", async ({ manager, look }) => {
  const wanted = look({ natsMaxBytes: 1_000_000, natsMaxAge: 3600, natsDiscard: "old", natsDedupe: 60 });
  assertEquals(await prepareStream(manager, wanted), "created");
  assertEquals(await prepareStream(manager, wanted), []);
  const { storage, retention, num_replicas, max_bytes, max_age, discard, duplicate_window, subjects } =
    (await findStream(manager, wanted.name))!;
  assertEquals({ storage, retention, num_replicas, max_bytes, max_age, discard, duplicate_window, subjects }, {
    storage: "file",
    retention: "workqueue",
    num_replicas: 1,
    max_bytes: 1_000_000,
    max_age: 3600e9,
    discard: "old",
    duplicate_window: 60e9,
    subjects: ["barline.>"],
  });
});

test("limits, discard policy and sources of a stream are changed, and the changes are reported", async ({ manager, look }) => {
  await prepareStream(manager, look());
  const changed = await prepareStream(manager, look({ natsMaxBytes: 1_000_000, natsDiscard: "old", natsDedupe: 9 }));
  assertEquals(changed, ["max_bytes", "discard", "duplicate_window"]);
  assertEquals(await prepareStream(manager, look({ natsMaxBytes: 1_000_000, natsDiscard: "old", natsDedupe: 9 })), []);
  assertEquals(await prepareStream(manager, look({ natsSources: ["edge-1"] })), [
    "max_bytes",
    "discard",
    "duplicate_window",
    "sources",
  ]);
  const { sources } = (await findStream(manager, look().name))!;
  assertEquals(sources?.map(({ external }) => external?.api), ["$JS.edge-1.API"]);
});

test("a run leaves an existing stream unchanged", async ({ manager, look }) => {
  await ensureStream(manager, look({ natsMaxBytes: 1_000_000 }));
  await ensureStream(manager, look({ natsMaxBytes: 2_000_000 }));
  assertEquals((await findStream(manager, look().name))!.max_bytes, 1_000_000);
});

test("a change of retention is refused, with advice", async ({ manager, look }) => {
  await prepareStream(manager, look());
  const error = await assertRejects(() => prepareStream(manager, look({ natsRetention: "limits" })), Error);
  assertStringIncludes(error.message, "its retention is workqueue, expected limits");
  assertStringIncludes(error.message, "--nats-stream");
});

test("a stream that takes other subjects is refused by a run and mended by migrate", async ({ manager, look }) => {
  await manager.streams.add({ ...look(), subjects: ["other.>"] });
  const error = await assertRejects(() => ensureStream(manager, look()), Error);
  assertStringIncludes(error.message, "it takes other.>, expected barline.>: run barline migrate --sink nats");
  assertEquals(await prepareStream(manager, look()), ["subjects"]);
  await ensureStream(manager, look());
});

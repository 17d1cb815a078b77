import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsSettings } from "../../src/config/nats.ts";
import { openNats } from "../../src/nats/connection.ts";
import { expectedStream, manageStreams, prepareStream } from "../../src/nats/stream.ts";
import { decodeFrame } from "../../src/records/codec.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openSink } from "../../src/sinks/mod.ts";
import type { Sink, SinkLane } from "../../src/sinks/sink.ts";
import { never } from "../support/lanes.ts";
import { missingNats, type NatsServer, natsSettings, startNats } from "../support/nats.ts";
import { numberedBar, numberedBars } from "../support/numbered.ts";
import { freePort } from "../support/postgres.ts";
import { startRelay } from "../support/relay.ts";
import { testWhere } from "../support/skip.ts";
import { testSink } from "./conformance.ts";
import { recordsOf, rowsOf } from "../support/frames.ts";

const missing = missingNats();
let server: NatsServer;
if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    server = await startNats();
  });
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
}

/** A sink into a stream that is empty, and a look into that. */
async function openSpecimen(given: Partial<NatsSettings> = {}, deadlineMs = 5000, on = server) {
  const settings = natsSettings(on.url, given);
  const nats = openNats(settings, "test");
  // The stream is the server's own, whatever way the sink has.
  const look = on === server ? openOwn() : nats;
  const manager = await jetstreamManager(await look.connect());
  await manager.streams.delete(settings.natsStream).catch(() => {});
  await prepareStream(manager, expectedStream(settings));
  return {
    nats,
    manager,
    sink: openSink("nats", { nats, kind: recordKind("bar"), shards: settings.natsShards, deadlineMs }),
    async messages() {
      const { state } = await manager.streams.info(settings.natsStream);
      const messages = [];
      for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
        messages.push((await manager.streams.getMessage(settings.natsStream, { seq }))!);
      }
      return messages;
    },
    async [Symbol.asyncDispose]() {
      // A write that was given up may still be on its way, and would land in the stream of the next specimen.
      await (await nats.connect()).flush();
      await nats[Symbol.asyncDispose]();
    },
  };
}

/** Writes numbered bars from `from` on, as often as it takes. */
async function writeAll({ sink }: { sink: Sink }, lane: SinkLane, count: number, from: number): Promise<void> {
  while (true) {
    try {
      const { stored, unchanged } = await lane.write(rowsOf(numberedBars(count, from)), never);
      return assertEquals(stored + unchanged, count);
    } catch (error) {
      assertEquals(sink.classify(error), "transient");
    }
  }
}

let own: ReturnType<typeof openNats> | undefined;
function openOwn() {
  return own ??= openNats(natsSettings(server.url), "look");
}
Deno.test.afterAll(async () => await own?.[Symbol.asyncDispose]());

testSink({
  name: "nats",
  missing,
  isLog: true,
  async open() {
    const specimen = await openSpecimen();
    const away = openNats(natsSettings(`nats://127.0.0.1:${freePort()}`), "test");
    return {
      sink: specimen.sink,
      async stored() {
        const bars = (await specimen.messages()).flatMap(({ data }) => recordsOf(decodeFrame(data)));
        return new Map(bars.map(({ symbol, ts, close }) => [`${symbol} ${ts}`, close]));
      },
      hold() {
        Deno.kill(server.pid, "SIGSTOP");
        return Promise.resolve({
          [Symbol.asyncDispose]: () => Promise.resolve(Deno.kill(server.pid, "SIGCONT")),
        });
      },
      unreachable: () => openSink("nats", { nats: away, kind: recordKind("bar"), shards: 8, deadlineMs: 1000 }),
      async [Symbol.asyncDispose]() {
        await specimen[Symbol.asyncDispose]();
        await away[Symbol.asyncDispose]();
      },
    };
  },
});

testWhere(missing, "a batch is a message for each provider and shard, named by its digest, in its order", async () => {
  // What another test gave up may still be on its way to the server that all share, by a connection of its own.
  await using alone = await startNats();
  await using specimen = await openSpecimen({ natsShards: 3 }, 5000, alone);
  await using lane = specimen.sink.openLane();
  const bars = numberedBars(70).map((bar, at) => at % 2 === 0 ? bar : { ...bar, provider: "other" });
  await lane.write(rowsOf(bars), never);
  const messages = await specimen.messages();
  const sent: Bar[] = [];
  const shards = new Map<string, string>();
  for (const { subject, data, header } of messages) {
    const { kind, provider, columns } = decodeFrame(data);
    const records = recordsOf(columns);
    const [, shard] = /^barline\.default\.bar\.([0-2])$/.exec(subject)!;
    assertEquals(kind, "bar");
    assertMatch(header.get("Nats-Msg-Id"), /^[0-9a-f]{32}$/);
    for (const { symbol, provider: own } of records) {
      assertEquals(own, provider);
      assertEquals(shards.get(symbol) ?? shard, shard);
      shards.set(symbol, shard);
    }
    const times = records.map(({ receivedAt }) => receivedAt);
    assertEquals(times, times.toSorted((a, b) => a - b));
    sent.push(...records);
  }
  assert(new Set(shards.values()).size > 1, "the symbols are not spread");
  const byNumber = (one: Bar, other: Bar) => one.open - other.open;
  assertEquals(sent.sort(byNumber), bars);
});

testWhere(
  missing,
  "what does not fit into a message becomes several; a record alone that does not fit is poison",
  async () => {
    await using small = await startNats({ config: "max_payload: 4096" });
    const settings = natsSettings(small.url, { natsShards: 1 });
    await using nats = openNats(settings, "test");
    const manager = await manageStreams(nats);
    await prepareStream(manager, expectedStream(settings));
    await using sink = openSink("nats", { nats, kind: recordKind("bar"), shards: 1, deadlineMs: 5000 });
    await using lane = sink.openLane();
    assertEquals((await lane.write(rowsOf(numberedBars(2000)), never)).stored, 2000);
    const { state } = await manager.streams.info(settings.natsStream);
    assert(state.messages > 5, `${state.messages} messages`);
    const huge = numberedBar(0, 1, { symbol: "X".repeat(5000) });
    const error = await assertRejects(() => lane.write(rowsOf([numberedBar(1), huge]), never), Error);
    assertEquals(sink.classify(error), "poison");
    assertMatch(error.message, /would have \d+ bytes, and the NATS server takes 3840/);
    assertEquals(
      (await manager.streams.info(settings.natsStream)).state.messages,
      state.messages,
      "nothing of it is sent",
    );
  },
);

testWhere(missing, "a message whose acknowledgement was lost is kept once", async () => {
  await using relay = startRelay(server.port);
  await using specimen = await openSpecimen({ natsUrl: [`nats://127.0.0.1:${relay.port}`] }, 300);
  await using lane = specimen.sink.openLane();
  // The deadline is short: the first write may need more than one try.
  await writeAll(specimen, lane, 10, 0);
  relay.freeze();
  const error = await assertRejects(() => lane.write(rowsOf(numberedBars(100, 10)), never), Error);
  assertEquals(specimen.sink.classify(error), "transient");
  relay.cut();
  await writeAll(specimen, lane, 100, 10);
  const bars = (await specimen.messages()).flatMap(({ data }) => recordsOf(decodeFrame(data)));
  assertEquals(bars.length, 110);
});

testWhere(missing, "a stream that is full refuses: that is transient, and what is there stays", async () => {
  await using specimen = await openSpecimen({ natsMaxBytes: 20_000 });
  await using lane = specimen.sink.openLane();
  await lane.write(rowsOf(numberedBars(100)), never);
  const before = (await specimen.messages()).length;
  const error = await assertRejects(async () => {
    for (let from = 100;; from += 100) await lane.write(rowsOf(numberedBars(100, from)), never);
  }, Error);
  assertEquals(specimen.sink.classify(error), "transient");
  assert((await specimen.messages()).length >= before);
});

testWhere(missing, "without a stream a write is transient, as it may be made yet", async () => {
  await using specimen = await openSpecimen();
  await specimen.manager.streams.delete("BARLINE");
  await using lane = specimen.sink.openLane();
  const error = await assertRejects(() => lane.write(rowsOf(numberedBars(1)), never), Error);
  assertEquals(specimen.sink.classify(error), "transient");
  assertMatch(error.message, /^No stream at .* takes barline\.default\.bar\.\d: run barline migrate --sink nats/);
});

import { assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsSettings } from "../../src/config/nats.ts";
import type { PipelineEvent } from "../../src/events.ts";
import { openNats } from "../../src/nats/connection.ts";
import { expectedStream, prepareStream } from "../../src/nats/stream.ts";
import { createNats } from "../../src/providers/nats.ts";
import { nakDelay } from "../../src/providers/nats/frame.ts";
import { encodeFrame } from "../../src/records/codec.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { missingNats, type NatsServer, natsSettings, startNats } from "../support/nats.ts";
import { numberedBars } from "../support/numbered.ts";
import { providerSettings } from "../support/providers.ts";
import { testWhere } from "../support/skip.ts";
import { until } from "../support/until.ts";
import { createContext, testProvider } from "./conformance.ts";
import { frameOf, recordsOf } from "../support/frames.ts";

const missing = missingNats();
let server: NatsServer;
if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    server = await startNats();
  });
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
}

/** A stream of its own, with messages of ten bars each, and a worker of it. */
async function openStream(messages: number, given: Partial<NatsSettings> = {}) {
  const settings = natsSettings(server.url, { natsAckWait: 1, ...given });
  const nats = openNats(settings, "test");
  const connection = await nats.connect();
  const manager = await jetstreamManager(connection);
  await manager.streams.delete(settings.natsStream).catch(() => {});
  await prepareStream(manager, expectedStream(settings));
  // A stream that is made while the server still removes the files of the one before it may have messages of that.
  await manager.streams.purge(settings.natsStream);
  const client = jetstream(connection);
  const publish = (bytes: Uint8Array, kind = "bar") => client.publish(`barline.default.${kind}.0`, bytes);
  let sent = 0;
  for (; sent < messages; sent++) await publish(message(sent * 10));
  return {
    manager,
    publish,
    makeWorker: (more: Partial<NatsSettings> = {}, kinds = ["bar"]) =>
      createNats(providerSettings({ nats: () => ({ ...settings, ...more }), kinds: kinds.map(recordKind) })),
    /** Messages of the stream: those that are not acknowledged. */
    async left() {
      // What was said before is at the server with this answer.
      await connection.flush();
      return (await manager.streams.info(settings.natsStream)).state.messages;
    },
    async until(messages: number) {
      while (await this.left() !== messages) await delay(20);
    },
    [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose](),
  };
}

function message(from: number, count = 10): Uint8Array {
  const records = numberedBars(count, from).map((bar) => ({
    ...bar,
    provider: "nats",
    receivedAt: from + 1 + bar.open,
  }));
  return encodeFrame(frameOf({ kind: "bar", provider: "nats", receivedAt: from, records }), recordKind("bar"));
}

/** Opens a worker, and notes what it tells. */
function open(provider: ReturnType<typeof createNats>) {
  const events: PipelineEvent[] = [];
  const context = { ...createContext(), emit: (event: PipelineEvent) => void events.push(event) };
  const reader = provider.open(context).getReader();
  return {
    context,
    events,
    async read(): Promise<Frame> {
      const { value } = await reader.read();
      if (value === undefined) throw new Error("The stream has ended");
      return value;
    },
    reader,
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      await provider.close!();
    },
  };
}

if (missing === undefined) {
  testProvider("nats", {
    async make() {
      const stream = await openStream(5);
      return { provider: stream.makeWorker(), [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose]() };
    },
  });
}

testWhere(missing, "a message is gone when all of its records are settled, and not before", async () => {
  await using stream = await openStream(2);
  await using worker = open(stream.makeWorker());
  const [first, second] = [await worker.read(), await worker.read()];
  first.ack("committed", 9);
  second.ack("committed", 10);
  await stream.until(1);
  first.ack("committed", 1);
  await stream.until(0);
});

testWhere(missing, "a kind whose messages nobody takes holds up no other", async () => {
  await using stream = await openStream(0);
  // More of each than are asked for at once, and than may be unanswered.
  for (let sent = 0; sent < 100; sent++) await stream.publish(message(sent * 10), "news");
  for (let sent = 0; sent < 100; sent++) await stream.publish(message(sent * 10));
  const provider = stream.makeWorker({ natsMaxAckPending: 50 }, ["bar", "news"]);
  assertEquals(provider.kinds, ["bar", "news"]);
  const [bars, news] = provider.kinds!.map((kind) => provider.open({ ...createContext(), kind }).getReader());
  for (let at = 0; at < 100; at++) {
    const { value } = await bars.read();
    assertEquals(value!.kind, "bar");
    value!.ack("committed", frameSize(value!));
  }
  await stream.until(100);
  for (const reader of [bars, news]) await reader.cancel();
  await provider.close!();
});

testWhere(missing, "what a slow write holds stays with its worker beyond the time of acknowledgement", async () => {
  await using stream = await openStream(1);
  await using slow = open(stream.makeWorker());
  const frame = await slow.read();
  await using other = open(stream.makeWorker());
  const stolen = other.read().then(() => "stolen", () => "ended");
  const waited = new Promise((resolve) => setTimeout(() => resolve("kept"), 2500));
  assertEquals(await Promise.race([stolen, waited]), "kept");
  frame.ack("committed", 10);
  await stream.until(0);
});

testWhere(missing, "what is left goes to another worker, after a while, and is told as redelivered", async () => {
  await using stream = await openStream(1);
  await using one = open(stream.makeWorker());
  const frame = await one.read();
  frame.ack("committed", 4);
  assertEquals(frame.home!(), "stream");
  frame.ack("requeued", 6);
  await using other = open(stream.makeWorker());
  const again = await Promise.race([
    one.read().then((frame) => ({ frame, by: one })),
    other.read().then((frame) => ({ frame, by: other })),
  ]);
  assertEquals(recordsOf(again.frame), recordsOf(frame));
  assertEquals(again.by.events.filter(({ type }) => type === "redelivered").length, 1);
  again.frame.ack("committed", 10);
  await stream.until(0);
});

testWhere(missing, "a worker that is closed gives back what is not settled at once", async () => {
  await using stream = await openStream(3, { natsAckWait: 30 });
  {
    await using one = open(stream.makeWorker());
    (await one.read()).ack("committed", 10);
    await one.read();
  }
  await using other = open(stream.makeWorker());
  for (let count = 0; count < 2; count++) (await other.read()).ack("committed", 10);
  await stream.until(0);
});

testWhere(
  missing,
  "what is no message is rejected whole, and does not come again once it is kept elsewhere",
  async () => {
    await using stream = await openStream(1);
    const damaged = message(0);
    damaged[damaged.length - 1] ^= 1;
    const option = encodeFrame(
      frameOf({ kind: "news", provider: "nats", receivedAt: 1, records: [], rejected: [{ reason: "x", item: 1 }] }),
      recordKind("news"),
    );
    for (const bytes of [damaged, new Uint8Array(0), new TextEncoder().encode("{}"), option]) {
      await stream.publish(
        bytes,
      );
    }
    await using worker = open(stream.makeWorker());
    (await worker.read()).ack("committed", 10);
    const reasons: string[] = [];
    for (let count = 0; count < 4; count++) {
      const frame = await worker.read();
      assertEquals([recordsOf(frame).length, frame.rejected.length], [0, 1]);
      assertMatch(frame.source!, /^BARLINE:\d+$/);
      const { subject, data } = frame.rejected[0].item as { subject: string; data: string };
      assertEquals(subject, "barline.default.bar.0");
      if (count === 0) assertEquals(Uint8Array.fromBase64(data), damaged);
      reasons.push(frame.rejected[0].reason);
      frame.ack("committed", frameSize(frame));
    }
    assertMatch(reasons[0], /^message cannot be read: .*checksum/);
    assertMatch(reasons[3], /kind "news"/);
    await stream.until(0);
  },
);

testWhere(missing, "a message of a newer version is left for a newer worker", async () => {
  await using stream = await openStream(0);
  const newer = message(0);
  newer[3] = 200;
  await stream.publish(newer);
  await stream.publish(message(10));
  await using worker = open(stream.makeWorker());
  const frame = await worker.read();
  assertEquals(recordsOf(frame)[0].receivedAt, 21);
  frame.ack("committed", 10);
  await stream.until(1);
  assertEquals(worker.context.notices.length, 1);
});

testWhere(missing, "no more messages are under way than max_ack_pending allows, to all workers together", async () => {
  await using stream = await openStream(20, { natsMaxAckPending: 5, natsAckWait: 30 });
  const workers = [open(stream.makeWorker()), open(stream.makeWorker())];
  const frames: Frame[] = [];
  const take = async ({ reader }: (typeof workers)[number]) => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) frames.push(next.value);
  };
  const taking = workers.map(take);
  await until(() => frames.length >= 5);
  // Longer than any message would take.
  for (let look = 0; look < 50; look++) await stream.left();
  assertEquals(frames.length, 5);
  for (let at = 0; at < 20; at++) {
    await until(() => frames.length > at);
    frames[at].ack("committed", 10);
  }
  await stream.until(0);
  for (const worker of workers) worker.context.stopping.abort();
  await Promise.all(taking);
  for (const worker of workers) await worker[Symbol.asyncDispose]();
});

testWhere(missing, "a consumer of that name for other subjects is refused, and left as it is", async () => {
  await using stream = await openStream(1);
  const filter_subject = "barline.other.bar.*";
  await stream.manager.consumers.add(natsSettings(server.url).natsStream, {
    ...{ durable_name: "barline-bar", filter_subject, ack_policy: "explicit" },
  });
  const worker = stream.makeWorker();
  const error = await worker.open(createContext()).getReader().read().catch((error) => error);
  await worker.close!();
  assertMatch(
    error.message,
    /^Cannot use the consumer "barline-bar" .* filter_subject is "barline\.other\.bar\.\*", expected "barline\.default\.bar\.\*"/,
  );
});

testWhere(missing, "the lag is told", async () => {
  await using stream = await openStream(100, { natsMaxAckPending: 10 });
  await using worker = open(stream.makeWorker());
  await worker.read();
  // The server counts what it delivers meanwhile: a first answer may count a message as both.
  const told = () => worker.events.findLast((event) => event.type === "stream-lag" && event.waiting <= 90);
  await until(() => told() !== undefined);
  assertEquals(told(), { type: "stream-lag", provider: "nats", kind: "bar", waiting: 90, unanswered: 10 });
});

testWhere(missing, "a worker waits for a server that is away, and goes on after it was", async () => {
  await using own = await startNats();
  await own.stop();
  const provider = createNats(providerSettings({ nats: () => natsSettings(own.url) }));
  await using worker = open(provider);
  const reading = worker.read();
  const states = () => worker.events.flatMap((event) => event.type === "feed-state" ? [event.state] : []);
  while (!states().includes("waiting")) await new Promise((resolve) => setTimeout(resolve, 20));
  await own.start();
  while (!states().includes("live")) await new Promise((resolve) => setTimeout(resolve, 20));
  await using nats = openNats(natsSettings(own.url), "test");
  const client = jetstream(await nats.connect());
  await client.publish("barline.default.bar.0", message(0));
  (await reading).ack("committed", 10);
  await own.stop("SIGKILL");
  await own.start();
  const again = worker.read();
  while (true) {
    try {
      await client.publish("barline.default.bar.0", message(10), { timeout: 500 });
      break;
    } catch {
      // Not there yet.
    }
  }
  let frame = await again;
  // The server may have been killed before it wrote down that the first was acknowledged.
  while (recordsOf(frame)[0].receivedAt === 1) {
    frame.ack("committed", 10);
    frame = await worker.read();
  }
  assertEquals(recordsOf(frame)[0].receivedAt, 21);
});

Deno.test("the wait of a message that is given back grows with each delivery, up to half a minute", () => {
  assertEquals([1, 2, 3, 6, 1000].map(nakDelay), [1000, 2000, 4000, 30_000, 30_000]);
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Database, withClient } from "../../src/database/database.ts";
import { trimStreamLog } from "../../src/database/stream_trim.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { CursorError } from "../../src/stream/changes.ts";
import { writeEvent } from "../../src/stream/message.ts";
import { openSession } from "../../src/stream/session.ts";
import { rowsOf } from "../support/frames.ts";
import { never, writeOnce } from "../support/lanes.ts";
import { numberedBar, numberedBars } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { assertWhole, Client, openStream } from "../support/stream.ts";

const { test } = useServer();

const LANES = 3;
const ROUNDS = 12;

/**
 * Writes new, late and corrected bars over several lanes at once, and some of them twice; each version of a bar has a greater
 * price.
 */
async function write(database: Database, seed: number, rounds = ROUNDS): Promise<void> {
  const sink = openPostgresSink({ database, kind: recordKind("bar"), writers: "many", deadlineMs: 60_000 });
  let receivedAt = 1_700_000_000_000_000 + seed;
  let state = seed;
  const random = (most: number) => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % most;
  await Promise.all(Array.from({ length: LANES }, async (_, own) => {
    await using lane = sink.openLane();
    let next = own * 1_000_000;
    for (let round = 0; round < rounds; round++) {
      const bars: Bar[] = [];
      for (let at = random(8); at >= 0; at--) {
        // Of each three, one is left for later.
        const isKnown = random(3) === 0 && next > own * 1_000_000;
        const number = isKnown ? own * 1_000_000 + random(next - own * 1_000_000) : next += 1 + random(2);
        const price = ++receivedAt - 1_700_000_000_000_000;
        bars.push(numberedBar(number, receivedAt, { open: price, high: price, low: price, close: price }));
      }
      await lane.write(rowsOf(bars), never);
      // Such rows get a newer time of receipt, and nothing else of them changes.
      if (random(2) === 0) await lane.write(rowsOf(bars.map((bar) => ({ ...bar, receivedAt: ++receivedAt }))), never);
    }
  }));
}

test("a client that is dropped at every message holds each bar as the table has it, and no version twice", async (server) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 10_000 }),
      fc.array(fc.integer({ min: 1, max: 9 })),
      async (seed, mosts) => {
        const { database } = await migratedDatabase(server);
        await using _database = database;
        using stream = openStream(database);
        const fromStart = new Client();
        const ofSome = new Client();
        const symbols = new Set(["S1", "S4"]);
        await write(database, seed, 5);
        let isWritten = false;
        const writing = write(database, seed + 1_000_000).finally(() => isWritten = true);
        const follow = async (client: Client, filter = {}) => {
          for (let at = 0; !isWritten; at++) {
            const most = mosts[at % mosts.length] ?? 1;
            await client.read(stream, { filter, start: { fromMs: 0 }, most, until: () => isWritten });
            stream.hub.wake();
          }
          // All that is left, which ends with silence.
          let silent = 0;
          const before = () => client.messages;
          let count = before();
          await client.read(stream, {
            filter,
            start: { fromMs: 0 },
            until() {
              silent = before() === count ? silent + 1 : 0;
              count = before();
              stream.hub.wake();
              return silent > 5;
            },
          });
        };
        await Promise.all([writing, follow(fromStart), follow(ofSome, { symbols })]);
        await assertWhole(fromStart, database);
        await assertWhole(ofSome, database, "symbol IN ('S1', 'S4')");
      },
    ),
    { numRuns: 3 },
  );
});

test("a slow reader is sent behind, and then each bar once from the database", async (server) => {
  const { database } = await migratedDatabase(server);
  await using _database = database;
  const count = 12_000;
  let looked = 0;
  const all = Promise.withResolvers<void>();
  using stream = openStream(database, (bars) => (looked += bars) >= count && all.resolve());
  const client = new Client();
  const stop = new AbortController();
  const session = openSession({ ...stream, filter: {}, signal: stop.signal });
  const types: string[] = [];
  const next = async () => {
    const event = (await session.next()).value!;
    types.push(event.type);
    for (const message of writeEvent(event)) client.take(message);
  };
  await next();
  // Nothing is read meanwhile: the hub gives up the buffer, not the bars.
  for (let from = 0; from < count; from += 4000) await writeOnce(database, numberedBars(4000, from));
  stream.hub.wake();
  await all.promise;
  while (client.messages < count) await next();
  while (types.at(-1) !== "live") await next();
  stop.abort();
  assertEquals(new Set(types), new Set(["live", "behind", "bars"]));
  assertEquals(types[1], "behind");
  assertEquals(client.messages, count);
  await assertWhole(client, database);
});

test("a cursor that is older than the log is refused, and so is one of another database", async (server) => {
  const { database } = await migratedDatabase(server);
  await using _database = database;
  using stream = openStream(database);
  const client = new Client();
  await client.read(stream, { until: () => client.cursor !== undefined });
  await writeOnce(database, numberedBars(10));
  await withClient(database, (connection, names) => trimStreamLog(connection, names, 0));
  await assertRejects(() => client.read(stream), CursorError, "older than the log");
  client.cursor = `1~00000000${client.cursor!.slice(10)}`;
  await assertRejects(() => client.read(stream), CursorError, "of another database");
});

test("history is replayed at a multiple of its pace, and then the stream is live", async (server) => {
  const { database } = await migratedDatabase(server);
  await using _database = database;
  using stream = openStream(database);
  await writeOnce(database, numberedBars(35));
  const stop = new AbortController();
  const started = performance.now();
  const times: number[] = [];
  const options = { ...stream, filter: {}, start: { fromMs: 0 }, speed: 600, signal: stop.signal };
  for await (const event of openSession(options)) {
    if (event.type === "live") break;
    if (event.type === "bars") times.push(...event.items.map(({ bar }) => bar.ts));
  }
  stop.abort();
  assertEquals(times.length, 35);
  assertEquals(times, times.toSorted((one, other) => one - other));
  // Four minutes lie between the first and the last of them.
  assert(performance.now() - started >= 4 * 60_000 / 600 - 1);
});

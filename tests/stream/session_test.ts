import fc from "fast-check";
import type { Database } from "../../src/database/database.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { rowsOf } from "../support/frames.ts";
import { never } from "../support/lanes.ts";
import { numberedBar } from "../support/numbered.ts";
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

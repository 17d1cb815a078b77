import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bar, MINUTE, START } from "../support/alpaca.ts";
import { type AlpacaConnection, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { startGroup, type TestGroup } from "../support/failover.ts";
import { freePort } from "../support/postgres.ts";
import { makeDirectory } from "../support/providers.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** Long enough for a fake to be connected to on a busy machine, and short enough to wait for. */
const AFTER_MS = 1000;

/** Each of the minutes from 0 to `last`, once. */
const range = (last: number) => Array.from({ length: last + 1 }, (_, minute) => minute);

/** The minutes of which at least one provider has a bar. */
async function covered(group: TestGroup): Promise<number[]> {
  const { alpaca, massive } = await group.minutes();
  return [...new Set([...alpaca, ...massive])].toSorted((a, b) => a - b);
}

/** Waits until that many more bars of a provider are committed. */
function committed(group: TestGroup, provider: string, count = 1): Promise<unknown> {
  let left = count;
  return group.pipeline.next("committed", (event) => {
    if (event.provider === provider) left -= event.count;
    return left <= 0;
  });
}

/** Refuses connections to Alpaca until Massive is connected, and gives both connections. */
async function standIn({ alpaca, massive }: TestGroup, first: AlpacaConnection) {
  alpaca.handshakes.push(...Array(100).fill(503));
  first.close();
  const standby = await massive.connection();
  alpaca.handshakes.length = 0;
  return standby;
}

/** Lets both histories have these minutes. */
function addHistory(group: TestGroup, minutes: readonly number[]): void {
  for (const minute of minutes) {
    group.alpaca.history.push(bar(minute));
    group.massive.history.push(bar(minute));
  }
}

/** Where Massive's history was asked from at first, in minutes. */
function askedFrom(group: TestGroup): number {
  return (Number(group.massive.requests[0].path.split("/")[8]) - START) / MINUTE;
}

test("after a fatal error the next one delivers, and asks its history from the last committed bar on", async (server) => {
  const { url } = await migratedDatabase(server);
  await using group = await startGroup(url);
  const connection = await group.alpaca.connection();
  const first = committed(group, "alpaca", 5);
  for (const minute of range(4)) connection.bars(bar(minute));
  await first;
  assertEquals(group.massive.requests, []);
  addHistory(group, range(9));
  const changed = group.pipeline.next("failover");
  connection.error(402, "auth failed");
  const { cause, error, previous } = await changed;
  assertEquals([cause, previous], ["fatal", "alpaca"]);
  assertStringIncludes((error as Error).message, "ALPACA_API_KEY");
  const standby = await group.massive.connection();
  const rest = committed(group, "massive", 6);
  standby.bars(bar(10));
  await rest;
  // From the end of what the one before it has confirmed.
  const from = askedFrom(group);
  assert(from <= 5 && from >= 5 - 16 - 5, `history was asked from minute ${from} on`);
  assertEquals(await covered(group), range(10));
  const health = group.pipeline.app.health().providers.map(({ name, state, isActive }) => [name, state, isActive]);
  assertEquals(health, [["alpaca", "failed", false], ["massive", "up", true]]);
  await group.stop();
  assertEquals((await group.pipeline.outcome).failure, undefined);
});

test("when the connection is refused for a while the next one delivers", async (server) => {
  const { url } = await migratedDatabase(server);
  const variables = { ALPACA_STREAM_URL: `ws://127.0.0.1:${freePort()}` };
  await using group = await startGroup(url, { variables, afterMs: AFTER_MS });
  const { cause, error } = await group.pipeline.next("failover", ({ previous }) => previous !== undefined);
  assertEquals(cause, "unconnected");
  assertStringIncludes(String(error), "failed");
  const standby = await group.massive.connection();
  const done = committed(group, "massive");
  standby.bars(bar(0));
  await done;
  assertEquals(await covered(group), [0]);
  await group.stop();
});

test("an earlier provider that has had bars for a while delivers again, with the frames that it held meanwhile", async (server) => {
  const { url } = await migratedDatabase(server);
  await using group = await startGroup(url, { afterMs: AFTER_MS, backMs: 300 });
  const first = await group.alpaca.connection();
  const begun = committed(group, "alpaca", 3);
  first.bars(bar(0), bar(1), bar(2));
  await begun;
  addHistory(group, range(5));
  const left = group.pipeline.next("failover");
  const standby = await standIn(group, first);
  assertEquals((await left).cause, "unconnected");
  const stoodIn = committed(group, "massive", 4);
  standby.bars(bar(6));
  await stoodIn;
  const second = await group.alpaca.connection();
  const handedOn = () => group.pipeline.events.of("accepted").filter(({ provider }) => provider === "alpaca").length;
  const before = handedOn();
  const returned = group.pipeline.next("failover", () => {
    assertEquals(handedOn(), before, "bars were handed on before the return");
    return true;
  });
  const held = committed(group, "alpaca", 5);
  const closed = group.pipeline.next("feed-state", ({ state }) => state === "standby");
  second.bars(bar(7), bar(8));
  let minute = 9;
  const feeding = setInterval(() => second.bars(bar(minute++)), 20);
  try {
    assertEquals([(await returned).provider, (await returned).cause], ["alpaca", "returned"]);
  } finally {
    clearInterval(feeding);
  }
  await held;
  await closed;
  assertEquals(group.changes(), ["alpaca", "massive (unconnected)", "alpaca (returned)"]);
  await group.stop();
  assertEquals(await covered(group), range(minute - 1));
});

test("when the one that delivers fails, one that is connected again takes over at once", async (server) => {
  const { url } = await migratedDatabase(server);
  await using group = await startGroup(url, { afterMs: AFTER_MS });
  const first = await group.alpaca.connection();
  const begun = committed(group, "alpaca");
  first.bars(bar(0));
  await begun;
  const standby = await standIn(group, first);
  const stoodIn = committed(group, "massive");
  standby.bars(bar(1));
  await stoodIn;
  const second = await group.alpaca.connection();
  const heard = group.pipeline.next("bars", ({ provider }) => provider === "alpaca");
  second.bars(bar(2));
  await heard;
  const changed = group.pipeline.next("failover");
  const done = committed(group, "alpaca");
  standby.send({ ev: "status", status: "auth_failed", message: "authentication failed" });
  assertEquals([(await changed).provider, (await changed).cause], ["alpaca", "fatal"]);
  await done;
  assertEquals(await covered(group), range(2));
  await group.stop();
});

test("the run fails once all have failed for good, with the reason of each", async (server) => {
  const { url } = await migratedDatabase(server);
  const variables = { ALPACA_API_KEY: "another", MASSIVE_API_KEY: "another" };
  await using group = await startGroup(url, { variables });
  const { failure } = await group.pipeline.outcome;
  assertStringIncludes(String(failure), "No provider of alpaca,massive is left");
  assertStringIncludes(String(failure), "check ALPACA_API_KEY");
  assertStringIncludes(String(failure), "Check MASSIVE_API_KEY");
  assertEquals(group.changes(), ["alpaca", "massive (fatal)"]);
});

test("after a restart the first one begins at the end of the group, not at its own", async (server) => {
  const { url } = await migratedDatabase(server);
  await using directory = await makeDirectory();
  const dataDir = directory.path;
  {
    await using group = await startGroup(url, { dataDir });
    const connection = await group.alpaca.connection();
    const begun = committed(group, "alpaca");
    connection.bars(bar(0));
    await begun;
    addHistory(group, range(40));
    connection.error(409, "insufficient subscription");
    const standby = await group.massive.connection();
    const done = committed(group, "massive", 41);
    standby.bars(bar(41));
    await done;
    await group.stop();
  }
  const alpaca = startFakeAlpaca();
  await using group = await startGroup(url, { dataDir, alpaca, massive: startFakeMassive() });
  // Its own last bar, which may have been corrected, and what nobody has.
  const done = committed(group, "alpaca");
  addHistory(group, range(50));
  await alpaca.connection();
  await done;
  const { alpaca: minutes } = await group.minutes();
  assertEquals(minutes.filter((minute) => minute > 0 && minute <= 41), []);
  await group.stop();
});

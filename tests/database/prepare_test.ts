import { delay } from "@std/async/delay";
import { assertEquals, assertRejects } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { readNewest } from "../../src/database/newest.ts";
import { borrow, createPool } from "../../src/database/pool.ts";
import { openPrepared } from "../../src/database/prepare.ts";
import { type Proxy, startProxy } from "../faults/harness/proxy.ts";
import { counts, never, writeOnce } from "../support/lanes.ts";
import { numberedBars } from "../support/numbered.ts";
import type { TestServer } from "../support/postgres.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { controlTest } = useServer();

const SELECT_ONE = (database: Database, signal?: AbortSignal) =>
  withClient(database, async (client) => (await client.query("SELECT 1 AS one")).rows, signal);

/** Resolves when that is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(1);
}

/** An empty database behind a proxy that breaks every connection, and the wait for it to come back. */
async function awaitDatabase(server: TestServer, proxy: Proxy, answerMs: number): Promise<Database> {
  const url = new URL(await server.createDatabase());
  url.port = String(proxy.port);
  proxy.moveTo(1);
  return await openPrepared(databaseAt(url.href), {
    settle: () => Promise.resolve(),
    mayWait: () => true,
    answerMs,
  });
}

controlTest(
  "a connection that hangs in the preparation holds up writes no longer than an answer may take",
  async (server, { port }) => {
    await using proxy = await startProxy(port);
    const database = await awaitDatabase(server, proxy, 2000);
    proxy.moveTo(port);
    // The first connection is lost once it is there; new ones answer.
    const lost = proxy.breakAt({ side: "client", type: "Q", after: 0, part: 0 }, "black-hole");
    const writes = [1, 2, 3].map(() => SELECT_ONE(database));
    await lost;
    const [first] = await Promise.allSettled(writes);
    assertEquals(first.status, "rejected");
    // A busy machine may need more than one try.
    let rows: unknown;
    while (rows === undefined) rows = await SELECT_ONE(database).catch(() => undefined);
    assertEquals(rows, [{ one: 1 }]);
    assertEquals(await writeOnce(database, numberedBars(10)), counts(10));
  },
);

controlTest(
  "a caller that gives up leaves the preparation to others, and the last one ends it",
  async (server, { port }) => {
    await using proxy = await startProxy(port);
    const database = await awaitDatabase(server, proxy, 60_000);
    proxy.moveTo(port);
    proxy.setWeather({ blackHole: true });
    const [one, other] = [new AbortController(), new AbortController()];
    const writes = [one, other].map(({ signal }) => SELECT_ONE(database, signal));
    await until(() => proxy.size === 1);
    one.abort(new Error("stopped"));
    await assertRejects(() => writes[0], Error, "stopped");
    assertEquals(proxy.size, 1, "the other still waits");
    other.abort(new Error("stopped too"));
    await assertRejects(() => writes[1], Error, "stopped too");
    await until(() => proxy.size === 0);
    proxy.setWeather({});
    assertEquals(await SELECT_ONE(database), [{ one: 1 }]);
  },
);

controlTest("a stop ends the question for the newest bars of a server that hangs", async (server, control) => {
  const { database } = await migratedDatabase(server);
  const pool = createPool(database, 1);
  const stop = new AbortController();
  const ask = (signal: AbortSignal) =>
    borrow({ pool, database }, "t", (client, names) => readNewest(client, names, "default", "numbered", "1m"), signal);
  assertEquals(await ask(never), new Map());
  await control.signal("SIGSTOP");
  try {
    const asked = ask(stop.signal);
    stop.abort(new Error("stopped"));
    // If either waited for the server, its deadline of 15 s would end it with another error.
    await assertRejects(() => asked, Error, "stopped");
    await assertRejects(() => ask(AbortSignal.timeout(100)), DOMException);
  } finally {
    await control.signal("SIGCONT");
  }
  assertEquals(await ask(never), new Map());
});

controlTest("a statement that a server never answers ends by itself", async (server, { port }) => {
  await using proxy = await startProxy(port);
  const url = new URL(await server.createDatabase());
  url.port = String(proxy.port);
  // The client waits five seconds longer than the server would.
  const client = await databaseAt(url.href, 1).connect();
  proxy.setWeather({ blackHole: true });
  await assertRejects(() => client.query("SELECT 1"), Error, "Query read timeout");
  proxy.breakAll("cut");
});

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { fromFileUrl, join } from "@std/path";
import { withClient } from "../../src/database/database.ts";
import { prepareDatabase, readVersion, SCHEMA_VERSION } from "../../src/database/migrate.ts";
import { decodeFrame } from "../../src/records/codec.ts";
import messages from "../fixtures/upgrade/messages.json" with { type: "json" };
import { jetstream } from "@nats-io/jetstream";
import { openPreparedNats } from "../../src/nats/prepared.ts";
import { manageStreams } from "../../src/nats/stream.ts";
import { select } from "../support/lanes.ts";
import { missingNats, natsSettings, startNats } from "../support/nats.ts";
import { missingServer, startPostgres, type TestServer } from "../support/postgres.ts";
import { startBarline } from "../support/process.ts";
import { makeDirectory } from "../support/providers.ts";
import { testWhere } from "../support/skip.ts";
import { databaseAt, useServer } from "../support/server_tests.ts";
import { recordsOf } from "../support/frames.ts";

const { test } = useServer();

/** What version 0.1.0 left with the schema of version 4: a database, and a data directory. */
const FIXTURE = fromFileUrl(new URL("../fixtures/upgrade/", import.meta.url));
const FIXTURE_VERSION = 4;
const JOURNALED = 40;

/** A new database with what the older version left in it. */
async function restore(server: TestServer): Promise<string> {
  const url = await server.createDatabase();
  await server.query(await Deno.readTextFile(join(FIXTURE, "database.sql")), url);
  return url;
}

/** Copies the data directory of the older version. Its position names the file by its whole path. */
async function copyData(directory: string): Promise<void> {
  await new Deno.Command("cp", { args: ["-r", join(FIXTURE, "data"), join(FIXTURE, "bars.csv"), directory] }).output();
  const positions = join(directory, "data", "positions");
  const position = (await Deno.readTextFile(join(positions, "replay.json"))).replace("@directory@", directory);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.parse(position).name));
  await Deno.writeTextFile(join(positions, `${new Uint8Array(hash).toHex().slice(0, 24)}.json`), position);
  await Deno.remove(join(positions, "replay.json"));
}

test("a database of the older version is brought up to date, with its bars", async (server) => {
  const database = databaseAt(await restore(server));
  assertEquals(await withClient(database, readVersion), FIXTURE_VERSION);
  await prepareDatabase(database, { uses: { kinds: ["bar"] } });
  assertEquals(await withClient(database, readVersion), SCHEMA_VERSION);
  assertEquals(await prepareDatabase(database), []);
  assertEquals(
    await select(database, "SELECT symbol, timeframe, close, volume, status FROM bars ORDER BY symbol, ts"),
    [["AAPL", 2, 10], ["AAPL", 3, 11], ["MSFT", 6, 12]].map(([symbol, close, volume]) => ({
      symbol,
      timeframe: "1m",
      close,
      volume,
      status: "final",
    })),
  );
});

test("an interrupted migration leaves the older version, and continues at the next start", async (server) => {
  const url = await restore(server);
  const database = databaseAt(url);
  await withClient(database, async (other) => {
    await other.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
    const interrupted = assertRejects(() => prepareDatabase(database));
    const waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let pids: Record<string, unknown>[] = [];
    while (pids.length === 0) pids = await server.query(waiting, url);
    await server.query(`SELECT pg_terminate_backend(${pids[0].pid})`, url);
    await interrupted;
    await other.query("ROLLBACK");
  });
  assertEquals(await withClient(database, readVersion), FIXTURE_VERSION);
  await prepareDatabase(database);
  assertEquals(await withClient(database, readVersion), SCHEMA_VERSION);
  assertEquals(await select(database, "SELECT count(*)::int AS bars FROM bars"), [{ bars: 3 }]);
});

test("journal, position and dead letters of the older version are read", async (server) => {
  const url = await restore(server);
  await using directory = await makeDirectory();
  await copyData(directory.path);
  const run = (...args: string[]) => startBarline([...args, "--data-dir", "data"], { cwd: directory.path }).ended;

  const listed = await run("dlq", "list", "--json");
  assertEquals(listed.code, 0, listed.stderr);
  assertStringIncludes(listed.stdout, "high is below max(open, close)");

  const files = await run("ingest", "--database", url, "--http", "off", "--json", "--file", "bars.csv", "--resume");
  assertEquals(files.code, 0, files.stderr);
  assertEquals(files.json.stored, JOURNALED, "what is stored is stored again, or the journal is not");
  const [{ bars }] = await server.query("SELECT count(*)::int AS bars FROM bars WHERE provider = 'mock'", url);
  assertEquals(bars, JOURNALED);
  const [{ bars: own }] = await server.query("SELECT count(*)::int AS bars FROM bars WHERE provider = 'replay'", url);
  assertEquals(own, 3);
});

test("an older program refuses a migrated database plainly, and writes nothing into it", async (server) => {
  const url = await restore(server);
  await prepareDatabase(databaseAt(url));
  await server.query(`INSERT INTO barline_migration (version, name) VALUES (${SCHEMA_VERSION + 1}, 'later')`, url);
  await using directory = await makeDirectory();
  const { code, stderr } = await startBarline(
    ["ingest", "--database", url, "--http", "off", "--provider", "mock", "--symbols", "A", "--limit", "5"],
    { cwd: directory.path },
  ).ended;
  assertEquals(code, 2, stderr);
  assertStringIncludes(
    stderr,
    `Cannot use a database of schema version ${SCHEMA_VERSION + 1}: this program knows version ${SCHEMA_VERSION}. ` +
      "Use the newer program that migrated it",
  );
  assertEquals(await server.query("SELECT count(*)::int AS bars FROM bars", url), [{ bars: 3 }]);
});

testWhere(
  missingNats() ?? missingServer(),
  "a hub stores the messages that edges of the older version have left in the stream",
  async () => {
    await using server = await startPostgres();
    await using nats = await startNats();
    const url = await restore(server);
    {
      await using edge = await openPreparedNats(natsSettings(nats.url), "edge", () => false);
      const client = jetstream(await edge.connect());
      for (const { subject, data } of messages) await client.publish(subject, Uint8Array.fromBase64(data));
    }
    await using directory = await makeDirectory();
    const hub = startBarline(
      ["ingest", "--database", url, "--http", "off", "--json", "--provider", "nats", "--nats-url", nats.url],
      { cwd: directory.path },
    );
    await hub.line(/Feed nats is live/);
    await using look = await openPreparedNats(natsSettings(nats.url), "look", () => false);
    const manager = await manageStreams(look);
    while ((await manager.streams.info("BARLINE")).state.messages > 0) await delay(20);
    hub.kill("SIGTERM");
    const { code, json, stderr } = await hub.ended;
    const count = messages.reduce((sum, message) => sum + message.count, 0);
    assertEquals([code, json.stored, json.deadLettered], [0, count, 0], stderr);
    assertEquals(await server.query("SELECT count(*)::int AS bars FROM bars WHERE provider = 'edge'", url), [{
      bars: count,
    }]);
  },
);

Deno.test("NATS messages of the older version are read: a hub may be newer than its edges", () => {
  const bars = messages.flatMap(({ data, count }) => {
    const { kind, columns } = decodeFrame(Uint8Array.fromBase64(data));
    assertEquals([kind, columns.count], ["bar", count]);
    return recordsOf(columns);
  });
  assertEquals(
    bars.map(({ symbol, ts, close, volume, status }) => [symbol, new Date(ts).toISOString(), close, volume, status])
      .toSorted(),
    [["AAPL", "2024-01-02T15:00:00.000Z"], ["AAPL", "2024-01-02T15:01:00.000Z"], ["MSFT", "2024-01-02T15:00:00.000Z"]]
      .map((each) => [...each, 2, 3, "final"]),
  );
});

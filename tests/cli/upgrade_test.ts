import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { fromFileUrl, join } from "@std/path";
import { withClient } from "../../src/database/database.ts";
import { prepareDatabase, readVersion, SCHEMA_VERSION } from "../../src/database/migrate.ts";
import { decodeFrame } from "../../src/records/codec.ts";
import oldMessages from "../fixtures/upgrade/4/messages.json" with { type: "json" };
import newMessages from "../fixtures/upgrade/11/messages.json" with { type: "json" };
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
import { until } from "../support/until.ts";

const { test } = useServer();

/** What an earlier program left: a database, a data directory, and messages of an edge in the stream. */
interface Fixture {
  /** Version of the database's schema. */
  readonly version: number;
  /** A lock that the next migration waits for. */
  readonly lock: string;
  readonly messages: readonly { readonly subject: string; readonly data: string }[];
  /** Symbol, time, close and volume of the bars in the messages. */
  readonly sent: readonly (readonly [string, string, number, number])[];
}

const FIXTURES: readonly Fixture[] = [
  {
    version: 4,
    lock: "bar IN ACCESS EXCLUSIVE MODE",
    messages: oldMessages,
    sent: [
      ["AAPL", "2024-01-02T15:00:00.000Z", 2, 3],
      ["AAPL", "2024-01-02T15:01:00.000Z", 2, 3],
      ["MSFT", "2024-01-02T15:00:00.000Z", 2, 3],
    ],
  },
  {
    version: 11,
    lock: "barline_migration IN SHARE MODE",
    messages: newMessages,
    sent: [
      ["AAPL", "2024-01-02T14:30:00.000Z", 2, 10],
      ["AAPL", "2024-01-02T14:31:00.000Z", 3, 11],
      ["MSFT", "2024-01-02T14:30:00.000Z", 6, 12],
    ],
  },
];
const JOURNALED = 40;

const pathOf = ({ version }: Fixture) => fromFileUrl(new URL(`../fixtures/upgrade/${version}/`, import.meta.url));

/** A new database with what the older version left in it. */
async function restore(server: TestServer, fixture: Fixture): Promise<string> {
  const url = await server.createDatabase();
  await server.query(await Deno.readTextFile(join(pathOf(fixture), "database.sql")), url);
  return url;
}

/** Copies the data directory of the older version. Its positions name files by their whole paths. */
async function copyData(fixture: Fixture, directory: string): Promise<void> {
  const from = pathOf(fixture);
  await new Deno.Command("cp", { args: ["-r", join(from, "data"), join(from, "bars.csv"), directory] }).output();
  const positions = join(directory, "data", "positions");
  for (const { name } of Deno.readDirSync(positions)) {
    const path = join(positions, name);
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replaceAll("@directory@", directory));
  }
  if (fixture.version > 4) return;
  // Such a file is named after the position in it.
  const position = await Deno.readTextFile(join(positions, "replay.json"));
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.parse(position).name));
  await Deno.rename(
    join(positions, "replay.json"),
    join(positions, `${new Uint8Array(hash).toHex().slice(0, 24)}.json`),
  );
}

for (const fixture of FIXTURES) testUpgrade(fixture);

function testUpgrade(fixture: Fixture): void {
  const named = (title: string) => `from schema version ${fixture.version}: ${title}`;

  test(named("a database of the older version is brought up to date, with its bars"), async (server) => {
    const database = databaseAt(await restore(server, fixture));
    assertEquals(await withClient(database, readVersion), fixture.version);
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

  test(named("an interrupted migration leaves the older version, and continues at the next start"), async (server) => {
    const url = await restore(server, fixture);
    const database = databaseAt(url);
    await withClient(database, async (other) => {
      await other.query(`BEGIN; LOCK TABLE ${fixture.lock}`);
      const interrupted = assertRejects(() => prepareDatabase(database));
      const waiting =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      let pids: Record<string, unknown>[] = [];
      await until(async () => (pids = await server.query(waiting, url)).length > 0);
      await server.query(`SELECT pg_terminate_backend(${pids[0].pid})`, url);
      await interrupted;
      await other.query("ROLLBACK");
    });
    assertEquals(await withClient(database, readVersion), fixture.version);
    await prepareDatabase(database);
    assertEquals(await withClient(database, readVersion), SCHEMA_VERSION);
    assertEquals(await select(database, "SELECT count(*)::int AS bars FROM bars"), [{ bars: 3 }]);
  });

  test(named("journal, position and dead letters of the older version are read"), async (server) => {
    const url = await restore(server, fixture);
    await using directory = await makeDirectory();
    await copyData(fixture, directory.path);
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

  test(named("an older program refuses a migrated database plainly, and writes nothing into it"), async (server) => {
    const url = await restore(server, fixture);
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
    named("a hub stores the messages that edges of the older version have left in the stream"),
    async () => {
      await using server = await startPostgres();
      await using nats = await startNats();
      const url = await restore(server, fixture);
      {
        await using edge = await openPreparedNats(natsSettings(nats.url), "edge", () => false);
        const client = jetstream(await edge.connect());
        for (const { subject, data } of fixture.messages) await client.publish(subject, Uint8Array.fromBase64(data));
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
      assertEquals([code, json.received, json.deadLettered], [0, fixture.sent.length, 0], stderr);
      const rows = await server.query(
        "SELECT symbol, ts, close, volume FROM bars WHERE provider IN ('edge', 'replay') ORDER BY symbol, ts",
        url,
      );
      const found = rows.map(({ symbol, ts, close, volume }) =>
        [symbol, (ts as Date).toISOString(), close, volume].join()
      );
      for (const bar of fixture.sent) assert(found.includes(bar.join()), `${bar} is not among ${found.join(" ")}`);
    },
  );

  Deno.test(named("NATS messages of the older version are read: a hub may be newer than its edges"), () => {
    const bars = fixture.messages.flatMap(({ data }) => {
      const { kind, columns } = decodeFrame(Uint8Array.fromBase64(data));
      assertEquals(kind, "bar");
      return recordsOf(columns);
    });
    assertEquals(
      bars.map(({ symbol, ts, close, volume }) => [symbol, new Date(ts).toISOString(), close, volume]).toSorted(),
      fixture.sent,
    );
  });

  if (fixture.version >= 11) {
    test(named("a load of the older version can be undone"), async (server) => {
      const url = await restore(server, fixture);
      await using directory = await makeDirectory();
      const run = (...args: string[]) =>
        startBarline([...args, "--database", url, "--data-dir", "data"], { cwd: directory.path }).ended;
      const undone = await run("loads", "undo", "2", "--yes", "--json");
      assertEquals([undone.code, undone.json?.removed, undone.json?.restored], [0, 1, 1], undone.stderr);
      assertEquals(
        await server.query("SELECT symbol, close, volume FROM bars ORDER BY symbol, ts", url),
        [{ symbol: "AAPL", close: 2, volume: 9 }, { symbol: "AAPL", close: 3, volume: 11 }],
      );
    });
  }
}

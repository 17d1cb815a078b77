import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { classifyDatabaseError } from "../../src/database/faults.ts";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { startPipeline } from "../support/pipeline.ts";
import { freePort } from "../support/postgres.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { startStandby } from "../support/standby.ts";

const { controlTest } = useServer();

/** The port of the server that a URL leads to. */
function portAt(url: string): Promise<number> {
  return withClient(databaseAt(url), async (client) => {
    const { rows } = await client.query("SELECT current_setting('port')::int AS port");
    return rows[0].port;
  });
}

controlTest("a socket's directory is a host, percent-encoded or as a parameter", async (server, { port }) => {
  const [{ directory }] = await server.query("SELECT current_setting('unix_socket_directories') AS directory");
  const encoded = encodeURIComponent(String(directory));
  assertEquals(await portAt(`postgres://postgres@${encoded}:${port}/postgres`), port);
  assertEquals(await portAt(`postgres://postgres@/postgres?host=${encoded}&port=${port}`), port);
});

controlTest("a host that refuses for good ends the search among several", async (_, { port }) => {
  const url = `postgres://postgres@127.0.0.1:${port},127.0.0.1:${freePort()}/nowhere`;
  const error = await assertRejects(() => portAt(url), Error, 'database "nowhere" does not exist');
  assertEquals(classifyDatabaseError(error), "fatal");
});

controlTest("the hosts of a URL are tried in order, until one can be written", async (_, { port }) => {
  await using standby = await startStandby(port);
  const dead = freePort();
  const at = (...ports: number[]) =>
    `postgres://postgres@${ports.map((each) => `127.0.0.1:${each}`).join(",")}/postgres`;
  assertEquals(await portAt(at(dead, standby.port, port)), port);
  assertEquals(await portAt(`${at(dead, standby.port, port)}?target_session_attrs=primary`), port);
  assertEquals(await portAt(`${at(standby.port, port)}?target_session_attrs=any`), standby.port);
  const error = await assertRejects(() => portAt(at(dead, standby.port)), Error, "it is a standby");
  assertStringIncludes(error.message, "ECONNREFUSED");
  assertEquals(classifyDatabaseError(error), "transient");
}, { program: "pg_basebackup" });

controlTest(
  "a run that names both servers writes on after its standby was promoted, and loses nothing",
  async (server, control) => {
    const { url } = await migratedDatabase(server);
    await using standby = await startStandby(control.port);
    const name = new URL(url).pathname;
    const both = `postgres://postgres@127.0.0.1:${control.port},127.0.0.1:${standby.port}${name}`;
    const over = new AbortController();
    const source = numberedProvider({ until: over.signal });
    await using pipeline = await startPipeline(both, [source]);
    await pipeline.batches(5);
    // The standby has everything once the primary has stopped.
    await control.stop("fast");
    try {
      await pipeline.next("circuit", ({ state }) => state === "open");
      await standby.promote();
      await pipeline.batches(5);
      over.abort();
      await pipeline.outcome;
      assertEquals(pipeline.letters, []);
      const promoted = databaseAt(`postgres://postgres@127.0.0.1:${standby.port}${name}`);
      assertEquals(await storedNumbers(promoted), numbers(source.sent));
    } finally {
      await control.start();
    }
  },
  { program: "pg_basebackup" },
);

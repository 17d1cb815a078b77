import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseDatabaseUrl } from "../../src/config/database.ts";
import { adviseOnDatabaseError, classifyDatabaseError } from "../../src/database/faults.ts";
import { openPostgres } from "../../src/database/postgres.ts";
import { numberedProvider, storedNumbers } from "../support/numbered.ts";
import { freePort, type TestServer } from "../support/postgres.ts";
import { startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { until } from "../support/until.ts";

const { test, controlTest } = useServer();

/** Runs until `breakIt` has made writing impossible, and gives how it ended. */
async function breakInMidRun(server: TestServer, breakIt: (url: string) => Promise<unknown>) {
  const { url, database } = await migratedDatabase(server);
  const source = numberedProvider();
  await using pipeline = await startPipeline(url, [source]);
  await pipeline.batches(5);
  await breakIt(url);
  const { ledger, failure } = await pipeline.outcome;
  assertEquals(ledger.received, source.sent, "what was sent was not accepted");
  return { ledger, failure, letters: pipeline.letters, events: pipeline.events, database };
}

test("the run stops when the table is dropped, and unwritten records are in the dead letters", async (server) => {
  const { failure, letters, ledger, events } = await breakInMidRun(
    server,
    (url) => server.query("DROP TABLE bar CASCADE", url),
  );
  assertEquals((failure as { code: string }).code, "42P01");
  assertStringIncludes(adviseOnDatabaseError(failure), "Run `barline migrate`");
  assert(letters.length > 0);
  assert(letters.every(({ cause }) => cause === "fatal" || cause === "aborted"));
  assert(letters.some(({ cause, sqlstate }) => cause === "fatal" && sqlstate === "42P01"));
  assertEquals(ledger.stored + letters.length, ledger.received);
  assertEquals(events.of("fatal").length, 1, "it is told once");
  assertEquals(events.of("circuit"), [], "a defect of the set-up is no outage");
});

test("when a right is revoked the run stops, and table and dead letters together hold every bar", async (server) => {
  const role = `writer_${crypto.randomUUID().slice(0, 8)}`;
  const { url, database } = await migratedDatabase(server);
  await server.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT SELECT, INSERT ON series, series_key TO ${role};
    GRANT SELECT ON barline_migration, barline_destination TO ${role}; GRANT SELECT, INSERT, UPDATE ON bar TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON stream_log, stream_trim TO ${role}`,
    url,
  );
  const theirs = new URL(url);
  theirs.username = role;
  theirs.password = "secret";
  await using pipeline = await startPipeline(theirs.href, [numberedProvider()]);
  await pipeline.batches(5);
  await server.query(`REVOKE INSERT ON bar FROM ${role}`, url);
  const { ledger, failure } = await pipeline.outcome;
  assertEquals((failure as { code: string }).code, "42501");
  assert(adviseOnDatabaseError(failure) !== "");
  const dead = pipeline.letters.map(({ item }) => (item as { open: number }).open);
  const everywhere = new Set([...dead, ...await storedNumbers(database)]);
  assertEquals(everywhere.size, ledger.received);
});

test("a database that is dropped under the run ends it", async (server) => {
  const { failure, ledger, letters } = await breakInMidRun(
    server,
    (url) => server.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`),
  );
  assertEquals((failure as { code: string }).code, "3D000");
  assertEquals(ledger.stored + letters.length, ledger.received);
});

/** What connecting to a URL fails with. */
async function connectionError(url: string, connectTimeoutMs = 500): Promise<Error & { code?: string }> {
  const target = parseDatabaseUrl(url, { sslmode: "disable" });
  const database = openPostgres({ target, statementTimeoutMs: 1000, connectTimeoutMs });
  return await assertRejects(() => database.connect(), Error);
}

test("an unknown database is fatal, with advice", async (server) => {
  const url = new URL(await server.createDatabase());
  url.pathname = "/nowhere";
  const error = await connectionError(url.href, 10_000);
  assertEquals(error.code, "3D000");
  assertEquals(classifyDatabaseError(error), "fatal");
  assertStringIncludes(error.message, 'database "nowhere" does not exist');
  assertStringIncludes(adviseOnDatabaseError(error), "POSTGRES_DB");
});

test("an unknown user is fatal, with advice", async (server) => {
  const url = new URL(await server.createDatabase());
  url.username = "nobody_of_that_name";
  url.password = "secret";
  const error = await connectionError(url.href, 10_000);
  assert(["28000", "28P01"].includes(error.code!), error.code);
  assertEquals(classifyDatabaseError(error), "fatal");
  assertStringIncludes(adviseOnDatabaseError(error), "Check user and password");
});

controlTest("a wrong password is fatal, with advice, and is not repeated in the message", async (server) => {
  const url = new URL(await server.createDatabase());
  await server.query("CREATE ROLE locked LOGIN PASSWORD 'right'");
  const [{ hba_file }] = await server.query("SHOW hba_file");
  const rules = ["local all all trust", "host all locked all scram-sha-256", "host all all all trust"];
  await server.query(`COPY (SELECT unnest('{${rules.join(",")}}'::text[])) TO '${hba_file}'`);
  await server.query("SELECT pg_reload_conf()");
  url.username = "locked";
  url.password = "wrong-secret";
  // The server takes note of its new rules a moment after it has said so.
  let error: (Error & { code?: string }) | undefined;
  await until(async () => (error = await connectionError(url.href, 10_000).catch(() => undefined)) !== undefined);
  assertEquals(error!.code, "28P01");
  assertEquals(classifyDatabaseError(error), "fatal");
  assertStringIncludes(adviseOnDatabaseError(error), "POSTGRES_PASSWORD");
  assert(!error!.message.includes("wrong-secret"));
  url.password = "right";
  await server.query("SELECT 1", url.href);
});

Deno.test("a server that is not there is transient, with advice", async () => {
  const error = await connectionError(`postgres://postgres@127.0.0.1:${freePort()}/postgres`);
  assertEquals(error.code, "ECONNREFUSED");
  assertEquals(classifyDatabaseError(error), "transient");
  assertStringIncludes(adviseOnDatabaseError(error), "Start the server");
});

Deno.test("an unknown host name is transient, with advice", async () => {
  const error = await connectionError("postgres://postgres@no-such-host.invalid/postgres", 20_000);
  assertEquals(classifyDatabaseError(error), "transient");
  assertStringIncludes(adviseOnDatabaseError(error), "Correct the host name");
});

controlTest("a server that takes connections and says nothing is given up in time", async (server, control) => {
  const url = await server.createDatabase();
  await control.signal("SIGSTOP");
  try {
    const error = await connectionError(url);
    assertEquals(error.code, "ETIMEDOUT");
    assertEquals(error.message, "Cannot connect to the database within 500 ms");
    assertEquals(classifyDatabaseError(error), "transient");
    assertStringIncludes(adviseOnDatabaseError(error), "firewall");
  } finally {
    await control.signal("SIGCONT");
  }
});

Deno.test("a peer with another protocol than PostgreSQL's is not a defect of the program", async () => {
  await using listener = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("hello"),
  );
  const error = await connectionError(`postgres://postgres@127.0.0.1:${listener.addr.port}/postgres`, 2000);
  assertEquals(classifyDatabaseError(error), "transient");
});

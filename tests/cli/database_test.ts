import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { missingServer, startPostgres } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

const missing = missingServer() ??
  (Deno.env.has("TEST_DATABASE_URL") ? "the server's rules of authentication cannot be changed" : undefined);

testWhere(missing, "a wrong password exits 2, says which variables to check, and shows no password", async () => {
  await using server = await startPostgres(["password_encryption = 'scram-sha-256'"]);
  await using work = await openWorkspace(server);
  const [{ file }] = await server.query("SELECT current_setting('hba_file') AS file");
  await server.query("CREATE ROLE trader LOGIN PASSWORD 'richtig'");
  await Deno.writeTextFile(
    file as string,
    "host all trader 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\nlocal all all trust\n",
  );
  await server.query("SELECT pg_reload_conf()");
  const url = new URL(work.database);
  url.username = "trader";
  url.password = "geheim";
  const { code, stderr, stdout } = await work.ingest(["--limit", "5", "--database", url.href]);
  assertEquals(code, 2);
  assertMatch(stderr, /password authentication failed for user "trader"/);
  assertStringIncludes(stderr, "Check user and password (POSTGRES_USER, POSTGRES_PASSWORD).");
  assertEquals(`${stdout}${stderr}`.includes("geheim"), false);
});

testWhere(
  missing,
  "a user who may not create tables is told what to do, and can write once they are there",
  async () => {
    await using server = await startPostgres();
    await using work = await openWorkspace(server);
    await server.query("CREATE ROLE writer LOGIN");
    await server.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC", work.database);
    const url = new URL(work.database);
    url.username = "writer";
    const args = ["--limit", "30", "--database", url.href];
    const refused = await work.ingest(args);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "permission denied for schema public");
    assertStringIncludes(refused.stderr, "run `barline migrate` once as a user who may");
    const looked = await work.run(["doctor", "--database", url.href, "--http", "off"]);
    assertEquals(looked.code, 1);
    assertMatch(looked.stdout, /FAIL +database: The user "writer" must not create bars, /);

    assertEquals((await work.run(["migrate", "--database", work.database])).code, 0);
    await server.query("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO writer", work.database);
    await server.query("GRANT DELETE ON stream_log, stream_trim TO writer", work.database);
    await server.query("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO writer", work.database);
    const written = await work.ingest(args);
    assertEquals([written.code, written.json.stored], [0, 30], written.stderr);
  },
);

testWhere(
  missing,
  "a hung server at the drain deadline: what is unwritten goes to the dead letters, exit code 0",
  async () => {
    await using server = await startPostgres();
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--drain-timeout", "1", "--http", "127.0.0.1:0"]);
    const url = await addressOf(running);
    while (
      !/^barline_records_stored_total\{tenant="default"\} [1-9]/m.test(await (await fetch(`${url}/metrics`)).text())
    );
    await server.control!.signal("SIGSTOP");
    try {
      // Also while a probe of the database waits for an answer that does not come.
      assertEquals(await (await fetch(`${url}/readyz`)).json().then(({ ready }) => ready), false);
      running.kill("SIGTERM");
      const { code, json, stderr } = await running.ended;
      assertEquals([code, json.inFlight], [0, 0], stderr);
      assertEquals(json.received, json.stored + json.unchanged + json.deadLettered);
      const letters = await work.letters();
      assertEquals(letters.length, json.deadLettered);
      assertEquals(letters.length > 0, true);
      assertEquals(letters[0].error, "stopped before it was written: drain timeout of 1 s");
    } finally {
      await server.control!.signal("SIGCONT");
    }
    // They replay as they were: the table ends as if nothing had happened.
    const replayed = await work.run(["dlq", "replay", "--data-dir", work.dataDir, "--database", work.database]);
    assertEquals(replayed.code, 0, replayed.stderr);
    assertEquals(await work.letters(), []);
  },
);

testWhere(missing, "a second signal exits 130 and leaves what is unwritten to the dead letters", async () => {
  await using server = await startPostgres();
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const url = await addressOf(running);
  while (
    !/^barline_records_stored_total\{tenant="default"\} [1-9]/m.test(await (await fetch(`${url}/metrics`)).text())
  );
  await server.control!.signal("SIGSTOP");
  try {
    while (
      !/^barline_records_in_flight\{tenant="default"\} [1-9]/m.test(await (await fetch(`${url}/metrics`)).text())
    ) await delay(20);
    running.kill("SIGINT");
    await running.line(/A second signal gives up/);
    running.kill("SIGINT");
    const { code, json } = await running.ended;
    assertEquals([code, json.ended, json.inFlight], [130, "failed", 0]);
    assertEquals((await work.letters()).length, json.deadLettered);
    assertEquals((await work.letters())[0].error, "stopped before it was written: second signal");
  } finally {
    await server.control!.signal("SIGCONT");
  }
});

testWhere(missing, "POSTGRES_* and DATABASE_URL lead to the same database as --database", async () => {
  await using server = await startPostgres();
  await using work = await openWorkspace(server);
  const { hostname, port, pathname } = new URL(work.database);
  const ways: Record<string, string>[] = [
    { POSTGRES_HOST: hostname, POSTGRES_PORT: port, POSTGRES_DB: pathname.slice(1), POSTGRES_USER: "postgres" },
    { DATABASE_URL: `${work.database}?sslmode=disable` },
  ];
  for (const env of ways) {
    const { code, stderr } = await work.run(["ingest", "--limit", "10", "--http", "off"], { env });
    assertEquals(code, 0, stderr);
  }
  await Deno.writeTextFile(join(work.directory, ".env"), `DATABASE_URL=${work.database}\n`);
  assertEquals((await work.run(["ingest", "--limit", "20", "--http", "off"])).code, 0);
  assertEquals(await work.count(), 20);
});

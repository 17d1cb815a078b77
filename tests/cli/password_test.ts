import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { missingServer, startPostgres, type TestServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, type Workspace } from "../support/workspace.ts";

const missing = missingServer() ??
  (Deno.env.has("TEST_DATABASE_URL") ? "the server's rules of authentication cannot be changed" : undefined);

/** A server that asks the user `trader` for a password, in this way. */
async function startAsking(method: "scram-sha-256" | "md5" | "password"): Promise<TestServer> {
  const server = await startPostgres([`password_encryption = '${method === "md5" ? "md5" : "scram-sha-256"}'`]);
  const [{ file }] = await server.query("SELECT current_setting('hba_file') AS file");
  await server.query("CREATE ROLE trader SUPERUSER LOGIN PASSWORD 'richtig'");
  const rules = [
    `host all trader 127.0.0.1/32 ${method}`,
    "host all postgres 127.0.0.1/32 trust",
    "local all all trust",
  ];
  await Deno.writeTextFile(file as string, `${rules.join("\n")}\n`);
  await server.query("SELECT pg_reload_conf()");
  return server;
}

/** The URL of the workspace's database as that user, without a password. */
function urlOf(work: Workspace): string {
  const url = new URL(work.database);
  url.username = "trader";
  return url.href;
}

for (const method of ["scram-sha-256", "md5", "password"] as const) {
  testWhere(
    missing,
    `a password that is asked for by ${method} and not given is said so, with exit code 2`,
    async () => {
      await using server = await startAsking(method);
      await using work = await openWorkspace(server);
      const { code, json, stderr } = await work.ingest(["--limit", "5", "--database", urlOf(work)]);
      assertEquals([code, json.ended], [2, "failed"], stderr);
      assertStringIncludes(
        stderr,
        "Cannot connect: the server asks for a password; set POSTGRES_PASSWORD or PGPASSWORD",
      );
      assertEquals(/SASL|must be a string/.test(stderr), false, stderr);
    },
  );
}

testWhere(missing, "a URL without a password takes POSTGRES_PASSWORD, PGPASSWORD or .pgpass", async () => {
  await using server = await startAsking("scram-sha-256");
  await using work = await openWorkspace(server);
  const pgpass = await work.write("pgpass", "*:*:*:trader:richtig\n");
  await Deno.chmod(pgpass, 0o600);
  await work.write(".env", "POSTGRES_PASSWORD=richtig\n");
  const fromFile = await work.ingest(["--limit", "5", "--database", urlOf(work)]);
  assertEquals(fromFile.code, 0, fromFile.stderr);
  await Deno.remove(join(work.directory, ".env"));
  for (const [name, value] of [["POSTGRES_PASSWORD", "richtig"], ["PGPASSWORD", "richtig"], ["PGPASSFILE", pgpass]]) {
    const { code, stderr } = await work.ingest(["--limit", "5", "--database", urlOf(work)], { env: { [name]: value } });
    assertEquals(code, 0, stderr);
  }
});

testWhere(
  missing,
  "--lease-database takes its password from where --database does, and a wrong one exits 2",
  async () => {
    await using server = await startAsking("scram-sha-256");
    await using work = await openWorkspace(server);
    await work.migrate();
    const status = ["cluster", "status", "--lease-database", urlOf(work)];
    const ways: Record<string, string>[] = [
      { POSTGRES_USER: "trader", POSTGRES_PASSWORD: "richtig" },
      { PGPASSWORD: "richtig" },
    ];
    for (const env of ways) {
      assertStringIncludes((await work.run(status, { env })).stdout, "No instance of the cluster");
    }
    const sharing = ["--provider", "kraken", "--symbols", "BTC/USD", "--shards", "2", "--lease-database", urlOf(work)];
    const { code, json, stderr } = await work.ingest(sharing, { env: { PGPASSWORD: "falsch" } });
    assertEquals([code, json.ended], [2, "failed"], stderr);
    assertStringIncludes(stderr, 'password authentication failed for user "trader"');
  },
);

testWhere(missing, "a server older than 14 is refused by its version, with exit code 2", async () => {
  await using server = await startPostgres();
  await using work = await openWorkspace(server);
  // It tells of itself as one of version 13 would.
  for (
    const statement of [
      "CREATE SCHEMA old",
      "CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS " +
      "$$SELECT CASE name WHEN 'server_version' THEN '13.4' ELSE '130004' END$$",
      `ALTER DATABASE ${new URL(work.database).pathname.slice(1)} SET search_path = old, pg_catalog, public`,
    ]
  ) await server.query(statement, work.database);
  const { code, stderr } = await work.ingest(["--limit", "5"]);
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, "Cannot use PostgreSQL 13.4: expected 14 or newer");
  const looked = await work.run(["doctor", "--database", work.database, "--http", "off"]);
  assertStringIncludes(looked.stdout, "Cannot use PostgreSQL 13.4: expected 14 or newer");
});

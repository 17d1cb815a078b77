import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { parseDatabaseUrl, type SslMode } from "../../src/config/database.ts";
import type { Database } from "../../src/database/database.ts";
import { withClient } from "../../src/database/database.ts";
import { adviseOnDatabaseError, classifyDatabaseError } from "../../src/database/faults.ts";
import { openPostgres } from "../../src/database/postgres.ts";
import { makeAuthority, makeCertificate, missingOpenssl } from "../support/certificates.ts";
import { missingServer, startPostgres, type TestServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

/** Where certificates lie, and the server that has one. */
let directory: string;
let server: TestServer;

function whyNot(): string | undefined {
  if (Deno.env.has("TEST_DATABASE_URL")) return "the server of TEST_DATABASE_URL is not the test's to configure";
  if (missingServer() !== undefined) return missingServer();
  return missingOpenssl();
}
const missing = whyNot();

if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    directory = await Deno.makeTempDir({ prefix: "barline-test-" });
    await makeAuthority(directory, "known");
    await makeAuthority(directory, "unknown");
    await makeCertificate(directory, { name: "right", authority: "known", names: "DNS:localhost" });
    await makeCertificate(directory, { name: "elsewhere", authority: "known", names: "DNS:elsewhere.example" });
    await makeCertificate(directory, { name: "expired", authority: "known", names: "DNS:localhost", days: "-1" });
    await Deno.writeTextFile(join(directory, "none.crt"), "this is no certificate\n");
    server = await startPostgres();
    await present("right");
  });
  Deno.test.afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  });
}

/** Makes the server show a certificate; the files are written by the server itself, as its user. */
async function present(name: string): Promise<void> {
  const [{ data_directory: data }] = await server.query("SHOW data_directory");
  for (const extension of ["crt", "key"]) {
    const path = join(data as string, `server.${extension}`);
    const lines = (await Deno.readTextFile(join(directory, `${name}.${extension}`))).trim().split("\n");
    await server.query(
      `COPY (SELECT unnest('{"${lines.join('","')}"}'::text[])) TO PROGRAM 'umask 077; cat > ${path}'`,
    );
  }
  await server.query("ALTER SYSTEM SET ssl = on");
  await server.control!.stop("fast");
  await server.control!.start();
}

function databaseWith(host: string, sslmode: SslMode, authority?: string): Database {
  const sslrootcert = authority === undefined ? undefined : join(directory, `${authority}.crt`);
  const url = `postgres://postgres@${host}:${server.control!.port}/postgres`;
  return openPostgres({ target: parseDatabaseUrl(url, { sslmode, sslrootcert }), statementTimeoutMs: 5000 });
}

/** Whether a connection made so is encrypted. */
function isEncrypted(host: string, sslmode: SslMode, authority?: string): Promise<boolean> {
  return withClient(databaseWith(host, sslmode, authority), async (client) => {
    const { rows } = await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    return rows[0].ssl;
  });
}

const NAME_AUTHORITY = "Name the authority that vouches for the server: --sslrootcert PATH.";
const NAME_HOST = "Name the host as in the server's certificate";

/** Sees that the server is not believed, and that the user is told what to do. */
async function isRefused(advice: string, host: string, sslmode: SslMode, authority?: string): Promise<void> {
  const error = await assertRejects(() => isEncrypted(host, sslmode, authority), Error);
  assertEquals(classifyDatabaseError(error), "fatal", `${(error as { code?: string }).code}: ${error.message}`);
  assertStringIncludes(adviseOnDatabaseError(error), advice);
  assert(/certificate|issuer|altname/i.test(error.message), error.message);
}

testWhere(missing, "sslmode disable does not encrypt", async () => {
  assertEquals(await isEncrypted("localhost", "disable"), false);
});

testWhere(missing, "sslmode require encrypts, whoever the server is", async () => {
  assertEquals(await isEncrypted("localhost", "require"), true);
  assertEquals(await isEncrypted("127.0.0.1", "require"), true);
});

testWhere(missing, "sslmode verify-ca believes a server of a known authority, whatever its name", async () => {
  assertEquals(await isEncrypted("localhost", "verify-ca", "known"), true);
  assertEquals(await isEncrypted("127.0.0.1", "verify-ca", "known"), true);
});

testWhere(missing, "sslmode verify-ca refuses a server of an unknown authority", async () => {
  await isRefused(NAME_AUTHORITY, "localhost", "verify-ca", "unknown");
  await isRefused(NAME_AUTHORITY, "localhost", "verify-ca");
});

testWhere(missing, "sslmode verify-full believes the server of that name", async () => {
  assertEquals(await isEncrypted("localhost", "verify-full", "known"), true);
});

testWhere(missing, "sslmode verify-full refuses a server of an unknown authority", async () => {
  await isRefused(NAME_AUTHORITY, "localhost", "verify-full", "unknown");
});

testWhere(missing, "sslmode verify-full refuses a server under another name than its certificate's", async () => {
  await isRefused(NAME_HOST, "127.0.0.1", "verify-full", "known");
});

testWhere(missing, "a server with the certificate of another host passes verify-ca and not verify-full", async () => {
  await present("elsewhere");
  try {
    assertEquals(await isEncrypted("localhost", "verify-ca", "known"), true);
    await isRefused(NAME_HOST, "localhost", "verify-full", "known");
  } finally {
    await present("right");
  }
});

testWhere(missing, "a server without TLS is not written to in the clear where TLS is wanted", async () => {
  await server.query("ALTER SYSTEM SET ssl = off");
  await server.query("SELECT pg_reload_conf()");
  try {
    // The server takes note of its new settings a moment after it has said so.
    while ((await server.query("SHOW ssl"))[0].ssl === "on") await delay(20);
    const error = await assertRejects(() => isEncrypted("localhost", "require"), Error);
    assertEquals(error.message, "The server does not support SSL connections");
    assertStringIncludes(adviseOnDatabaseError(error), "Turn TLS on at the server");
  } finally {
    await server.query("ALTER SYSTEM SET ssl = on");
    await server.query("SELECT pg_reload_conf()");
  }
});

testWhere(
  missing,
  "an expired certificate is refused where it is looked at, with a sentence that says so",
  async () => {
    await present("expired");
    try {
      assertEquals(await isEncrypted("localhost", "require"), true);
      for (const mode of ["verify-ca", "verify-full"] as const) {
        const error = await assertRejects(() => isEncrypted("localhost", mode, "known"), Error);
        assertEquals(classifyDatabaseError(error), "fatal");
        assert(/expired/i.test(error.message), error.message);
        assertStringIncludes(adviseOnDatabaseError(error), "Renew the server's certificate");
      }
    } finally {
      await present("right");
    }
  },
);

testWhere(missing, "what the program says and how it exits, mode by mode", async () => {
  await using work = await openWorkspace(server);
  const { port } = server.control!;
  const run = (host: string, mode: string, authority?: string) => {
    const url = new URL(work.database);
    url.host = `${host}:${port}`;
    const rootcert = authority === undefined ? [] : ["--sslrootcert", join(directory, authority)];
    const args = ["--database", url.href, "--sslmode", mode, ...rootcert, "--data-dir", work.dataDir];
    return work.run(["migrate", ...args]);
  };
  for (const mode of ["disable", "require", "verify-ca", "verify-full"]) {
    const good = await run("localhost", mode, "known.crt");
    assertEquals(good.code, 0, `${mode}: ${good.stderr}`);
  }
  assertEquals((await run("127.0.0.1", "verify-ca", "known.crt")).code, 0);
  assertEquals((await run("localhost", "require", "unknown.crt")).code, 0, "require believes everybody");
  const wrongHost = await run("127.0.0.1", "verify-full", "known.crt");
  assertEquals(wrongHost.code, 2);
  assertStringIncludes(wrongHost.stderr, NAME_HOST);
  const unknown = await run("localhost", "verify-full", "unknown.crt");
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.stderr, NAME_AUTHORITY);
  const absent = await run("localhost", "verify-full", "absent.crt");
  assertEquals(absent.code, 2);
  assertStringIncludes(absent.stderr, `Cannot use "sslrootcert" from --sslrootcert: current value`);
  assertStringIncludes(absent.stderr, "expected the path of a PEM file");
  for (const wrong of ["none.crt", "."]) {
    const { code, stderr } = await run("localhost", "verify-full", wrong);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "expected the path of a PEM file");
  }
});

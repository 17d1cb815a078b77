import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parseDatabaseUrl, type SslMode } from "../../src/config/database.ts";
import type { Database } from "../../src/database/database.ts";
import { withClient } from "../../src/database/database.ts";
import { adviseOnDatabaseError, classifyDatabaseError } from "../../src/database/faults.ts";
import { openPostgres } from "../../src/database/postgres.ts";
import { missingServer, startPostgres, type TestServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";

/** Where certificates lie, and the server that has one. */
let directory: string;
let server: TestServer;

function whyNot(): string | undefined {
  if (Deno.env.has("TEST_DATABASE_URL")) return "the server of TEST_DATABASE_URL is not the test's to configure";
  if (missingServer() !== undefined) return missingServer();
  try {
    new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync();
  } catch {
    return "openssl is not there";
  }
}
const missing = whyNot();

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: directory, stderr: "piped" }).output();
  if (!success) throw new Error(`openssl ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
}

/** Makes an authority, `NAME.crt` with its key. */
function makeAuthority(name: string): Promise<void> {
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-keyout", `${name}.key`, "-out", `${name}.crt`];
  return openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", ...subject);
}

/** Makes a certificate for these names that `authority` vouches for. */
async function makeCertificate(name: string, authority: string, names: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  await openssl("req", ...key, "-subj", `/CN=${name}`, "-out", `${name}.csr`);
  await Deno.writeTextFile(join(directory, `${name}.ext`), `subjectAltName=${names}\n`);
  const signed = ["-CA", `${authority}.crt`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
  await openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    ...signed,
    "-days",
    "2",
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.crt`,
  );
}

if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    directory = await Deno.makeTempDir({ prefix: "barline-test-" });
    await makeAuthority("known");
    await makeAuthority("unknown");
    await makeCertificate("right", "known", "DNS:localhost");
    await makeCertificate("elsewhere", "known", "DNS:elsewhere.example");
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

/** Sees that the server is not believed. */
async function isRefused(host: string, sslmode: SslMode, authority?: string): Promise<void> {
  const error = await assertRejects(() => isEncrypted(host, sslmode, authority), Error);
  assertEquals(classifyDatabaseError(error), "fatal", `${(error as { code?: string }).code}: ${error.message}`);
  assertStringIncludes(adviseOnDatabaseError(error), "sslrootcert");
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
  await isRefused("localhost", "verify-ca", "unknown");
  await isRefused("localhost", "verify-ca");
});

testWhere(missing, "sslmode verify-full believes the server of that name", async () => {
  assertEquals(await isEncrypted("localhost", "verify-full", "known"), true);
});

testWhere(missing, "sslmode verify-full refuses a server of an unknown authority", async () => {
  await isRefused("localhost", "verify-full", "unknown");
});

testWhere(missing, "sslmode verify-full refuses a server under another name than its certificate's", async () => {
  await isRefused("127.0.0.1", "verify-full", "known");
});

testWhere(missing, "a server with the certificate of another host passes verify-ca and not verify-full", async () => {
  await present("elsewhere");
  try {
    assertEquals(await isEncrypted("localhost", "verify-ca", "known"), true);
    await isRefused("localhost", "verify-full", "known");
  } finally {
    await present("right");
  }
});

testWhere(missing, "a server without TLS is not written to in the clear where TLS is wanted", async () => {
  await server.query("ALTER SYSTEM SET ssl = off");
  await server.query("SELECT pg_reload_conf()");
  try {
    // The server takes note of its new settings a moment after it has said so.
    while ((await server.query("SHOW ssl"))[0].ssl === "on");
    const error = await assertRejects(() => isEncrypted("localhost", "require"), Error);
    assertEquals(error.message, "The server does not support SSL connections");
  } finally {
    await server.query("ALTER SYSTEM SET ssl = on");
    await server.query("SELECT pg_reload_conf()");
  }
});

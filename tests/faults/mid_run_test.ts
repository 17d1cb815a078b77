import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { prepareDatabase, SCHEMA_VERSION } from "../../src/database/migrate.ts";
import { type NumberedProvider, numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import type { TestServer } from "../support/postgres.ts";
import { type RunningPipeline, startPipeline } from "../support/pipeline.ts";
import { makeDirectory } from "../support/providers.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** A fault that no waiting mends: how to make it, what is said of it, and how it is mended. */
interface Fault {
  readonly name: string;
  /** The SQLSTATE; absent where the fault lies in the table. */
  readonly code?: string;
  readonly say: RegExp;
  make(server: TestServer, url: string, role: string): Promise<unknown>;
  mend(server: TestServer, url: string, role: string): Promise<unknown>;
  /** Whether the database that comes back is empty. */
  readonly losesRows?: boolean;
}

const terminate = (server: TestServer, role: string) =>
  server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`);

const FAULTS: readonly Fault[] = [
  {
    name: "a right is revoked",
    code: "42501",
    say: /permission denied/,
    make: (server, url, role) => server.query(`REVOKE INSERT ON bar FROM ${role}`, url),
    mend: (server, url, role) => server.query(`GRANT INSERT ON bar TO ${role}`, url),
  },
  {
    name: "the role may not log in any more",
    code: "28000",
    say: /not permitted to log in/,
    async make(server, _url, role) {
      await server.query(`ALTER ROLE ${role} NOLOGIN`);
      await terminate(server, role);
    },
    mend: (server, _url, role) => server.query(`ALTER ROLE ${role} LOGIN`),
  },
  {
    name: "the database is dropped, and made again",
    code: "3D000",
    say: /does not exist/,
    losesRows: true,
    make: (server, url) => server.query(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`),
    async mend(server, url, role) {
      await server.query(`CREATE DATABASE ${nameOf(url)}`);
      await prepareDatabase(databaseAt(url));
      await grant(server, url, role);
    },
  },
  {
    name: "a newer program migrates the database",
    code: "BL002",
    say: /newer program/,
    make: (server, url) =>
      server.query(`INSERT INTO barline_migration (version, name) VALUES (${SCHEMA_VERSION + 1}, 'later')`, url),
    mend: (server, url) => server.query(`DELETE FROM barline_migration WHERE version > ${SCHEMA_VERSION}`, url),
  },
  {
    name: "somebody adds a constraint that no bar keeps",
    say: /lies in the table and not in them: .*"bar_positive"/,
    make: (server, url) => server.query(REFUSING, url),
    mend: (server, url) => server.query("ALTER TABLE bar DROP CONSTRAINT bar_positive", url),
  },
];

const REFUSING = "ALTER TABLE bar ADD CONSTRAINT bar_positive CHECK (open < 0) NOT VALID";

const nameOf = (url: string) => new URL(url).pathname.slice(1);

const grant = (server: TestServer, url: string, role: string) =>
  server.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`, url);

/** A run of a role of its own, with a journal. */
async function startJournaled(server: TestServer, source: NumberedProvider, settings: Record<string, string> = {}) {
  const role = `writer_${crypto.randomUUID().slice(0, 8)}`;
  const { url } = await migratedDatabase(server);
  await server.query(`CREATE ROLE ${role} LOGIN`, url);
  await grant(server, url, role);
  const theirs = new URL(url);
  theirs.username = role;
  const directory = await makeDirectory();
  const running = await startPipeline(theirs.href, [source], {
    journal: "durable",
    dataDir: directory.path,
    workers: "1",
    ...settings,
  });
  const pipeline: RunningPipeline = {
    ...running,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
  return { pipeline, url, role };
}

const isRefusing = (pipeline: RunningPipeline) =>
  pipeline.next("circuit", ({ state, fault }) => state === "open" && fault === "fatal");

for (const { name, code, say, make, mend, losesRows } of FAULTS) {
  test(`a run with a journal and ${name} keeps incoming records until that is mended`, async (server) => {
    const source = numberedProvider();
    const { pipeline, url, role } = await startJournaled(server, source);
    await using _running = pipeline;
    await pipeline.batches(5);
    const refused = isRefusing(pipeline);
    await make(server, url, role);
    const { error } = await refused;
    assertEquals((error as { code?: string }).code, code);
    assert(say.test((error as Error).message), (error as Error).message);
    const [{ circuit, probeAt }] = pipeline.app.health().coordinators;
    assertEquals(circuit, "open");
    assert(probeAt! * 1000 - Date.now() > 30_000, "it is not tried each second");
    const before = source.sent;
    await pipeline.next("journal-synced", () => source.sent > before + 1000);

    await mend(server, url, role);
    const written = pipeline.next("circuit", ({ state }) => state === "closed");
    for (const tenant of pipeline.app.tenants()) tenant.probe();
    await written;
    await pipeline.batches(5);
    pipeline.app.stop();
    const { ledger, failure } = await pipeline.outcome;
    assertEquals([failure, ledger.deadLettered, ledger.journaled], [undefined, 0, 0]);
    const stored = await storedNumbers(databaseAt(url));
    assertEquals(stored, losesRows ? stored : numbers(ledger.received));
    assertEquals(stored.length, losesRows ? stored.length : ledger.received);
    assertEquals(pipeline.letters, []);
  });
}

test("a run that is stopped while writes are refused ends at once, with the reason, and loses nothing", async (server) => {
  const { pipeline, url, role } = await startJournaled(server, numberedProvider());
  await using _running = pipeline;
  await pipeline.batches(5);
  const refused = isRefusing(pipeline);
  await server.query(`REVOKE INSERT ON bar FROM ${role}`, url);
  await refused;
  pipeline.app.stop();
  const { ledger, failure } = await pipeline.outcome;
  assertEquals((failure as { code: string }).code, "42501");
  assertEquals(ledger.stored + ledger.journaled, ledger.received);
  assertEquals(pipeline.letters, []);
});

test("a run whose journal is full while writes are refused ends, and gives the reason of the refusals", async (server) => {
  const source = { ...numberedProvider(), isLive: true as const };
  const { pipeline, url, role } = await startJournaled(server, source, { journalMaxBytes: String(1 << 20) });
  await using _running = pipeline;
  await pipeline.batches(5);
  await server.query(`REVOKE INSERT ON bar FROM ${role}`, url);
  const { ledger, failure } = await pipeline.outcome;
  assertStringIncludes((failure as Error).message, "permission denied");
  assertEquals(pipeline.events.of("fatal").length, 1);
  assert(ledger.journaled > 0);
  assertEquals(ledger.stored + ledger.journaled, ledger.received);
  assertEquals(pipeline.letters, []);
});

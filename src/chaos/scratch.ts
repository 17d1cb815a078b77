/**
 * A schema of its own in a user's database, in which anything may be broken: made, used, dropped.
 *
 * @module
 */
import type { Client } from "pg";
import { type Database, withClient } from "../database/database.ts";
import { prepareDatabase } from "../database/migrate.ts";
import { type Names, namesIn } from "../database/names.ts";
import { isPooled } from "../database/pooler.ts";

/** A scratch schema with Barline's tables in it. Disposing of it drops it. */
export interface Scratch extends AsyncDisposable {
  readonly names: Names;
  /** The database, whose tables are those of the schema. */
  readonly database: Database;
  /** Connections of {@linkcode Scratch.database} that are open. */
  readonly clients: ReadonlySet<Client>;
  /** Runs a statement on a connection that is not among those. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Opens a connection that is not among those; the caller ends it. */
  connect(): Promise<Client>;
}

/** How the names of all scratch schemas begin. */
export const SCRATCH_PREFIX = "barline_chaos_";

/**
 * Creates a scratch schema, which must not be there yet, and Barline's tables in it.
 *
 * @throws {Error} If the database does not allow it, or connections go through a pooler: what is broken would
 * reach sessions of others.
 */
export async function openScratch(database: Database): Promise<Scratch> {
  const schema = `${SCRATCH_PREFIX}${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const names = namesIn(schema);
  const clients = new Set<Client>();

  const within: Database = {
    ...database,
    label: `${database.label}, schema ${schema}`,
    names: () => Promise.resolve(names),
    async connect(signal) {
      const client = await database.connect(signal);
      clients.add(client);
      client.once("end", () => clients.delete(client));
      return client;
    },
    // Stays the caller's.
    async [Symbol.asyncDispose]() {},
  };
  const query: Scratch["query"] = (sql, values) =>
    withClient(database, async (client) => (await client.query(sql, values)).rows);

  await withClient(database, async (client) => {
    await refusePooler(client, database);
    await client.query(`CREATE SCHEMA ${schema}`);
  });
  const drop = () => withClient(database, async (client) => void await client.query(`DROP SCHEMA ${schema} CASCADE`));
  try {
    await prepareDatabase(within);
  } catch (error) {
    await drop();
    throw error;
  }
  return {
    names,
    database: within,
    clients,
    query,
    connect: () => database.connect(),
    async [Symbol.asyncDispose]() {
      try {
        await drop();
      } catch (cause) {
        throw new Error(`Cannot remove the schema of this run: do it with DROP SCHEMA ${schema} CASCADE`, { cause });
      }
    },
  };
}

/** Scratch schemas that are there: left by a run that was killed, or in use by another run. */
export async function findScratches(database: Database): Promise<string[]> {
  const sql = "SELECT nspname AS name FROM pg_namespace WHERE starts_with(nspname, $1) ORDER BY 1";
  return await withClient(
    database,
    async (client) => (await client.query(sql, [SCRATCH_PREFIX])).rows.map(({ name }) => name),
  );
}

async function refusePooler(client: Client, database: Database): Promise<void> {
  if (database.maxConnections === 1 || !await isPooled(client)) return;
  throw new Error(
    "Cannot try faults through a connection pooler: what is broken here would reach sessions of others. " +
      "Name the server itself with --database",
  );
}

/**
 * A schema of its own in somebody's database, in which anything may be broken: made, used, dropped.
 *
 * @module
 */
import type { Client } from "pg";
import { type Database, withClient } from "../database/database.ts";
import { prepareDatabase } from "../database/migrate.ts";
import { isPooled } from "../database/pooler.ts";

/** A scratch schema with Barline's tables in it. Disposing of it drops it. */
export interface Scratch extends AsyncDisposable {
  readonly schema: string;
  /** The database, seen from within the schema: unqualified names lead nowhere else. */
  readonly database: Database;
  /** Connections of {@linkcode Scratch.database} that are open. */
  readonly clients: ReadonlySet<Client>;
  /** Runs a statement within the schema, on a connection that is not among those. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Opens a connection within the schema that is not among those; the caller ends it. */
  connect(): Promise<Client>;
}

/** How the names of all scratch schemas begin. */
export const SCRATCH_PREFIX = "barline_chaos_";

/**
 * Creates a scratch schema, which must not be there yet, and Barline's tables in it.
 *
 * @throws {Error} If the database does not allow it, or connections go through a pooler: their settings would reach
 * sessions of others.
 */
export async function openScratch(database: Database): Promise<Scratch> {
  const schema = `${SCRATCH_PREFIX}${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const clients = new Set<Client>();

  async function enter(client: Client): Promise<Client> {
    await refusePooler(client, database);
    await client.query(`SET search_path TO ${schema}`);
    const { rows } = await client.query("SELECT current_schema() AS current");
    if (rows[0].current !== schema) throw new Error(`Cannot enter the schema ${schema}: found is ${rows[0].current}`);
    return client;
  }

  const within: Database = {
    ...database,
    label: `${database.label}, schema ${schema}`,
    async connect(signal) {
      const client = await enter(await database.connect(signal));
      clients.add(client);
      client.once("end", () => clients.delete(client));
      return client;
    },
    // Stays the caller's.
    async [Symbol.asyncDispose]() {},
  };
  const connect = async () => await enter(await database.connect());
  const query: Scratch["query"] = (sql, values) =>
    withClient({ ...database, connect }, async (client) => (await client.query(sql, values)).rows);

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
    schema,
    database: within,
    clients,
    query,
    connect,
    async [Symbol.asyncDispose]() {
      try {
        await drop();
      } catch (cause) {
        throw new Error(`Cannot remove the schema of this run: do it with DROP SCHEMA ${schema} CASCADE`, { cause });
      }
    },
  };
}

/** Scratch schemas that are there: left by a run that was killed, or in use by one that is under way. */
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
    "Cannot try faults through a connection pooler: what is set and broken here would reach sessions of others. " +
      "Name the server itself with --database",
  );
}

/**
 * Migrations: numbered SQL files, applied in order, once; and then the tables of the kinds of records that are missing.
 *
 * @module
 */
import type { Client } from "pg";
import { type Database, withClient } from "./database.ts";
import { createKind, missingKinds } from "./kinds.ts";
import bars from "./sql/0001_bars.sql" with { type: "text" };
import noTrade from "./sql/0002_no_trade.sql" with { type: "text" };

/** A step of the schema. Its number is its place in {@linkcode migrations}, from 1. */
interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** All migrations, oldest first. Never changed once released: a further change is a further file. */
const migrations: readonly Migration[] = [
  { name: "bars", sql: bars },
  { name: "no-trade", sql: noTrade },
];

/** Any fixed number: "barline" on a telephone's keys. */
const LOCK_KEY = 2275463;

const HISTORY = `CREATE TABLE IF NOT EXISTS barline_migration (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** The schema's version of this program. */
export const SCHEMA_VERSION = migrations.length;

/**
 * Brings the schema to {@linkcode SCHEMA_VERSION}, all or nothing, and returns the names of what was applied.
 *
 * Processes that start at once wait for each other: the steps run in one transaction under an advisory lock, which a
 * pooler in transaction mode keeps whole too. A schema that is up to date is only read, so that a user without the
 * right to create tables can write bars.
 *
 * @throws {Error} If the database is newer than this program, or refuses a step.
 */
export async function migrate(client: Client): Promise<string[]> {
  if (await readVersion(client) === SCHEMA_VERSION && (await missingKinds(client)).length === 0) return [];
  // Whatever the database's default: who has waited for the lock must see what the other has done meanwhile.
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY]);
    await client.query(HISTORY);
    const version = await readVersion(client);
    const pending = migrations.slice(version);
    for (const [at, { name, sql }] of pending.entries()) {
      await client.query(sql);
      await client.query("INSERT INTO barline_migration (version, name) VALUES ($1, $2)", [version + at + 1, name]);
    }
    const kinds = await missingKinds(client);
    for (const kind of kinds) await createKind(client, kind);
    await client.query("COMMIT");
    return [...pending.map(({ name }) => name), ...kinds];
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * Connects and brings the schema up to date, as every start does.
 *
 * @throws {Error} If that cannot be done; names the database.
 */
export async function prepareDatabase(database: Database): Promise<string[]> {
  try {
    return await withClient(database, migrate);
  } catch (cause) {
    throw new Error(`Cannot prepare the database ${database.label}`, { cause });
  }
}

/**
 * The version that the database's schema has; 0 where there is none.
 *
 * @throws {Error} If it is newer than this program knows.
 */
export async function readVersion(client: Client): Promise<number> {
  const found = await client.query("SELECT to_regclass('barline_migration') IS NOT NULL AS found");
  if (!found.rows[0].found) return 0;
  const { rows } = await client.query("SELECT coalesce(max(version), 0)::int AS version FROM barline_migration");
  const version: number = rows[0].version;
  if (version > SCHEMA_VERSION) {
    throw new Error(
      `Cannot use a database of schema version ${version}: this program knows version ${SCHEMA_VERSION}. ` +
        "Use the newer program that migrated it",
    );
  }
  return version;
}

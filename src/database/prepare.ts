/**
 * Bringing the schema up to date at the first connection that can be had, which may come long after the start.
 *
 * @module
 */
import { classifyDatabaseError } from "./faults.ts";
import type { Database } from "./database.ts";
import { prepareDatabase } from "./migrate.ts";

/** Options of {@linkcode openPrepared}. */
export interface PrepareOptions {
  /** Does what is optional, once the schema is there. */
  settle: (database: Database) => Promise<unknown>;
  /** Hears why the database is not there, and says whether that may be waited for. */
  mayWait: (error: Error) => boolean;
}

/**
 * Prepares the database now or, where it is away and that may be waited for, before its first connection.
 *
 * @throws {Error} If it cannot be prepared.
 */
export async function openPrepared(database: Database, { settle, mayWait }: PrepareOptions): Promise<Database> {
  async function prepareAll(): Promise<void> {
    await prepareDatabase(database);
    await settle(database);
  }
  try {
    await prepareAll();
    return database;
  } catch (error) {
    const { cause } = error as Error;
    if (classifyDatabaseError(cause) !== "transient" || !mayWait(cause as Error)) throw error;
  }
  let preparing: Promise<unknown> | undefined;
  let isPrepared = false;
  async function prepare(): Promise<void> {
    preparing ??= prepareAll();
    try {
      await preparing;
      isPrepared = true;
    } catch (error) {
      preparing = undefined;
      // The database's own error says what it means.
      throw (error as Error).cause;
    }
  }
  return {
    ...database,
    async connect(signal) {
      if (!isPrepared) await prepare();
      return await database.connect(signal);
    },
  };
}

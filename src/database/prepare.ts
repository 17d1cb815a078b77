/**
 * Bringing the schema up to date at the first connection that can be had, which may come long after the start.
 *
 * @module
 */
import { classifyDatabaseError } from "./faults.ts";
import type { Database } from "./database.ts";
import { prepareDatabase } from "./migrate.ts";

/**
 * Prepares the database now or, where it is away and `mayWait` allows it, before its first connection: `mayWait` hears
 * why it is not there.
 *
 * @throws {Error} If it cannot be prepared.
 */
export async function openPrepared(database: Database, mayWait: (error: Error) => boolean): Promise<Database> {
  try {
    await prepareDatabase(database);
    return database;
  } catch (error) {
    const { cause } = error as Error;
    if (classifyDatabaseError(cause) !== "transient" || !mayWait(cause as Error)) throw error;
  }
  let preparing: Promise<unknown> | undefined;
  let isPrepared = false;
  async function prepare(): Promise<void> {
    preparing ??= prepareDatabase(database);
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

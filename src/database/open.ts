/**
 * Opens the database that the configuration names.
 *
 * @module
 */
import { parseDatabaseUrl } from "../config/database.ts";
import { completeTarget } from "../config/server.ts";
import type { Config } from "../config/load.ts";
import type { Database } from "./database.ts";
import { findDoor } from "./door/door.ts";
import { HeldError, openEmbedded } from "./embedded.ts";
import { openPostgres } from "./postgres.ts";

/**
 * Opens the embedded database or describes the server.
 *
 * @throws {Error} If the embedded database cannot be started.
 */
export async function openDatabase({ settings, target }: Config): Promise<Database> {
  if (target === undefined) return await openEmbedded(settings.dataDir, settings.schema);
  return openPostgres({ target, schema: settings.schema, statementTimeoutMs: settings.writeTimeoutMs });
}

/**
 * Opens the database that the configuration names to read it: the embedded one itself or, where another process has it,
 * through that.
 *
 * @throws {Error} If the embedded database cannot be started, or the process that has it lets nobody in.
 */
export async function openForReading(config: Config): Promise<Database> {
  const { dataDir, schema } = config.settings;
  try {
    return await openDatabase(config);
  } catch (error) {
    const door = error instanceof HeldError ? await findDoor(dataDir, schema) : undefined;
    if (door === undefined) throw error;
    return door;
  }
}

/**
 * Describes the server that keeps leases: of its own, or the one that records go to. What takes longer than `timeoutMs` is
 * given up. A URL without a password takes it where that of the main database does.
 *
 * @throws {RangeError} If there is none: the embedded database is nobody else's.
 */
export function openLeaseDatabase(
  { settings, target, variable }: Config,
  applicationName: string,
  timeoutMs: number,
): Database {
  const url = settings.leaseDatabase;
  const found = url === undefined ? target : completeTarget(parseDatabaseUrl(url, settings), variable, () => {});
  if (found === undefined) throw new RangeError("Cannot keep leases in the embedded database: name a server");
  return openPostgres({
    target: { ...found, applicationName, connectTimeoutMs: timeoutMs },
    schema: settings.schema,
    statementTimeoutMs: timeoutMs,
  });
}

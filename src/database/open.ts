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
 * Opens the configured database for reading: the embedded one itself or, if another process has it open, through that
 * process.
 *
 * @throws {Error} If the embedded database cannot be started, or the process that has it open admits no readers.
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
 * Describes the server that keeps leases: one of their own, or the one that stores the records. Connecting and
 * statements abort after `timeoutMs`. A URL without a password takes it from the same places as that of the main
 * database.
 *
 * @throws {RangeError} If only the embedded database is configured, which other instances cannot reach.
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

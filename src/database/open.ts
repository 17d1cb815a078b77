/**
 * Opens the database that the configuration names.
 *
 * @module
 */
import type { Config } from "../config/load.ts";
import type { Database } from "./database.ts";
import { openEmbedded } from "./embedded.ts";
import { openPostgres } from "./postgres.ts";

/**
 * Opens the embedded database or describes the server.
 *
 * @throws {Error} If the embedded database cannot be started.
 */
export async function openDatabase({ settings, target }: Config): Promise<Database> {
  if (target === undefined) return await openEmbedded(settings.dataDir);
  return openPostgres({ target, statementTimeoutMs: settings.writeTimeoutMs });
}

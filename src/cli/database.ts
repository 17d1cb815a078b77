/**
 * Shared parts of commands on stored records.
 *
 * @module
 */
import { join } from "@std/path";
import type { Client } from "pg";
import { type Config, loadConfig } from "../config/load.ts";
import { withClient } from "../database/database.ts";
import { prepareDatabase } from "../database/migrate.ts";
import type { Names } from "../database/names.ts";
import { openDatabase } from "../database/open.ts";
import { type Invocation, UsageError } from "./command.ts";

/** The configuration of a command on the rows of one tenant. */
export function configOf({ options, configFile }: Invocation): Config {
  return loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true });
}

/**
 * Brings the database up to date and runs `fn` with a connection. For reading, `open` may be `openForReading`.
 *
 * @throws {Error} If another process has the embedded database open.
 */
export async function withDatabase<T>(
  config: Config,
  fn: (client: Client, names: Names) => Promise<T>,
  open = openDatabase,
): Promise<T> {
  await using database = await open(config);
  if (!database.isReadOnly) await prepareDatabase(database);
  return await withClient(database, fn);
}

/**
 * Refuses to create an embedded database for reading.
 *
 * @throws {UsageError} If the configuration means the embedded database, and the data directory has none.
 */
export async function requireEmbedded({ target, settings: { dataDir } }: Config): Promise<void> {
  if (target !== undefined) return;
  const isThere = await Deno.stat(join(dataDir, "postgres", "PG_VERSION")).then(() => true, () => false);
  if (isThere) return;
  throw new UsageError(
    `Cannot find an embedded database in "${dataDir}": run barline ingest first, or name the place with --data-dir ` +
      "or a server with --database",
  );
}

/**
 * Asks for confirmation of an irreversible action; `--yes` answers.
 *
 * @throws {UsageError} If standard input is not a terminal.
 */
export function isConfirmed({ flags }: Invocation, question: string): boolean {
  if (flags.has("yes")) return true;
  if (!Deno.stdin.isTerminal()) throw new UsageError(`Cannot ask "${question}": give --yes`);
  return confirm(question);
}

/**
 * Finds the schema of the tables.
 *
 * @module
 */
import type { Client } from "pg";
import { FatalError } from "./faults.ts";
import { type Names, namesIn } from "./names.ts";

/** Finds the names for a connection. */
export type FindNames = (client: Client) => Promise<Names>;

/**
 * Finds the names in `schema`. Without it, the schema is the one that the `search_path` of the first connection leads
 * to, and stays the same for all later connections.
 */
export function createNaming(schema?: string): FindNames {
  let names = schema === undefined ? undefined : namesIn(schema);
  return async (client) => names ??= namesIn(await readCurrentSchema(client));
}

/** Schemas in which users cannot create tables, or none that last. */
const SYSTEM_SCHEMAS = /^(pg_|information_schema$)/;

/**
 * Reads the schema that the `search_path` leads to.
 *
 * @throws {FatalError} If no schema in it exists and can take tables.
 */
async function readCurrentSchema(client: Client): Promise<string> {
  const { rows: [{ schema, role, path }] } = await client.query(
    "SELECT current_schema() AS schema, current_user AS role, current_setting('search_path') AS path",
  );
  if (schema !== null && !SYSTEM_SCHEMAS.test(schema)) return schema;
  throw new FatalError(
    `Cannot find a schema for the tables: search_path of the user "${role}" is ${JSON.stringify(path)}, expected one ` +
      `that exists and that the user may use. Use --schema NAME, or run ALTER ROLE "${role}" SET search_path = public`,
  );
}

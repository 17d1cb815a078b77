/**
 * Columns that a user adds to tables: each gets the columns of all others, of the types that they have there.
 *
 * @module
 */
import type { Database } from "../../src/database/database.ts";
import { withClient } from "../../src/database/database.ts";

const MISSING = `WITH tables AS (
  SELECT c.oid, c.relname FROM pg_class c
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
), columns AS (
  SELECT DISTINCT ON (a.attname) a.attname, format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_attribute a JOIN tables t ON t.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attname, t.relname
)
SELECT format('ALTER TABLE %I ADD COLUMN %I %s', t.relname, c.attname, c.type) AS statement
FROM tables t CROSS JOIN columns c
WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = c.attname)`;

/** Adds to each table the columns of all others. */
export async function addForeignColumns(database: Database): Promise<void> {
  await withClient(database, async (client) => {
    const { rows } = await client.query<{ statement: string }>(MISSING);
    for (const { statement } of rows) await client.query(statement);
  });
}

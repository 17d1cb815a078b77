/** Rights of writers on tables that a migration adds. @module */
import { literal } from "../names.ts";

/** A statement that gives all roles that may write bars the rights to read and write tables of the schema. */
export const grantWriters = (schema: string, tables: readonly string[]): string =>
  `DO $migration$
DECLARE
  grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) a
    WHERE n.nspname = ${
    literal(schema)
  } AND c.relname = 'bar' AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ${
    tables.map((table) => `%1$I.${table}`).join(", ")
  } TO %2$s', ${literal(schema)}, grantee);
  END LOOP;
END
$migration$`;

/** Rights of writers on the relations of earlier migrations. @module */
import { literal, type Names } from "../names.ts";

export const writers = ({ of, schema }: Names): string =>
  `-- Writers go to the table of series itself, and read which destination they write to: who had the rights for the one has
-- those for the other.
DO $migration$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT DISTINCT CASE WHEN c.relname = 'series' THEN ${literal(`SELECT, INSERT ON ${of("series_key")}`)} ELSE ${
    literal(`SELECT ON ${of("barline_destination")}`)
  } END
        AS rights, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) a
    WHERE n.nspname = ${literal(schema)} AND a.grantee <> c.relowner
      AND (c.relname = 'series' AND a.privilege_type = 'INSERT'
        OR c.relname = 'barline_migration' AND a.privilege_type = 'SELECT')
  LOOP
    EXECUTE format('GRANT %s TO %s', given.rights, given.grantee);
  END LOOP;
END
$migration$`;

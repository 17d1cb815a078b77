/**
 * The role of readers, as statements that the owner of the copy runs before theirs.
 *
 * @module
 */
import { literal, type Names } from "../names.ts";

/** Name of the role. */
export const READER = "barline_reader";

/** Large objects, settings by function, and locks: no query for data needs them. */
const WITHHELD = "^(lo_.*|loread|lowrite|set_config|pg_read_.*|pg_ls_.*|pg_stat_file|pg_notify)$";

/** Creates the role, which may read the schema and nothing else, and switches to it. */
export function becomeReader({ schema, quotedSchema }: Names): string {
  return `BEGIN READ WRITE;
DO $$ DECLARE each regprocedure; BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${READER}') THEN CREATE ROLE ${READER}; END IF;
  IF EXISTS (SELECT FROM pg_namespace WHERE nspname = ${literal(schema)}) THEN
    GRANT USAGE ON SCHEMA ${quotedSchema} TO ${READER};
    GRANT SELECT ON ALL TABLES IN SCHEMA ${quotedSchema} TO ${READER};
  END IF;
  FOR each IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '${WITHHELD}' LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
  END LOOP;
END $$;
REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
COMMIT;
${AS_READER}`;
}

/** Switches back to the owner, to set up a session. */
export const AS_OWNER = "SET SESSION AUTHORIZATION postgres";
/** Switches to the reader. */
export const AS_READER = `SET SESSION AUTHORIZATION ${READER}`;

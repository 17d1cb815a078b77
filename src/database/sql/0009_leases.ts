/** Leases of shards. @module */
import { literal, type Names } from "../names.ts";

export const leases = ({ of, schema }: Names): string =>
  `-- Leases of shards as rows: anybody who may connect can take an advisory lock, and only writers can change these.
-- A row is renewed five times in the length of a lease: room for it on its own page.
CREATE TABLE ${of("cluster_lease")} (
  cluster text NOT NULL,
  shard integer NOT NULL,
  holder uuid NOT NULL,
  backend integer NOT NULL,
  renewed_at timestamptz NOT NULL,
  hold interval NOT NULL,
  PRIMARY KEY (cluster, shard)
) WITH (fillfactor = 20);

COMMENT ON TABLE ${of("cluster_lease")} IS 'Which instance may stream which shard, see barline cluster status.';
COMMENT ON COLUMN ${of("cluster_lease")}.holder IS 'Instance in cluster_instance.';
COMMENT ON COLUMN ${of("cluster_lease")}.backend IS 'Process of the session that renewed it.';
COMMENT ON COLUMN ${of("cluster_lease")}.hold IS 'How long the holder streams without renewing it.';
COMMENT ON COLUMN ${of("cluster_instance")}.backend IS 'Process of its session.';

-- Roles that could join a cluster can go on doing so.
DO $migration$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT a.privilege_type AS privilege, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) a
    WHERE n.nspname = ${literal(schema)} AND c.relname = 'cluster_instance' AND a.grantee <> c.relowner
      AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  LOOP
    EXECUTE format('GRANT %s ON %I.cluster_lease TO %s', given.privilege, ${literal(schema)}, given.grantee);
  END LOOP;
END
$migration$`;

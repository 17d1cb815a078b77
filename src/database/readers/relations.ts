/**
 * The relations that readers of a tenant may reach: the tables, the views over them, and the relations below those.
 *
 * @module
 */
import type { Client } from "pg";
import { recordKind, recordKinds } from "../../records/mod.ts";
import type { Names } from "../names.ts";
import { rollups } from "../timescale/rollups.ts";

/** Tenants of each role, by name; `undefined` means all tenants. */
export type Grants = ReadonlyMap<string, ReadonlySet<string> | undefined>;

/** The existing relations, by name. */
export interface Relations {
  readonly names: Names;
  /** Tables with a column `series_id`. */
  readonly tables: readonly string[];
  /** Views with a column `tenant`. */
  readonly views: readonly string[];
  /** Materialized data of all tenants, which no reader may see. */
  readonly hidden: readonly string[];
  /**
   * How a reader is restricted to rows: by policies of the tables, with views that run with the reader's rights; or by
   * views of the role's own, where policies cannot work (compressed hypertables, or views before PostgreSQL 15).
   */
  readonly way: "policies" | "views";
}

/** The table of series: the only one that names the tenant. */
export const SERIES = "series_key";

const kinds = Object.keys(recordKinds).map(recordKind);
const TABLES = [...kinds.map(({ table }) => table), "series_coverage", "series_doubt"];
const VIEWS = [...kinds.map(({ view }) => view), "latest_bars", "data_freshness", ...rollups.map(({ view }) => view)];

/** Reads which of the relations exist. */
export async function readRelations(client: Client, names: Names): Promise<Relations> {
  const { schema } = names;
  const { rows } = await client.query(
    `SELECT relname, relkind::text, (SELECT count(*) > 0 FROM pg_inherits WHERE inhparent = c.oid) AS divided
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $2 AND relname = ANY ($1)`,
    [[SERIES, ...TABLES, ...VIEWS, ...rollups.map(({ aggregate }) => aggregate)], schema],
  );
  const { rows: [{ version, hypertables }] } = await client.query(
    `SELECT current_setting('server_version_num')::int AS version,
  to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL AS hypertables`,
  );
  const isHypertable = hypertables && (await client.query(
        `SELECT 1 FROM _timescaledb_catalog.hypertable WHERE schema_name = $1 AND table_name = 'bar'`,
        [schema],
      )).rows.length > 0;
  const found = new Map<string, { relkind: string; divided: boolean }>(rows.map((row) => [row.relname, row]));
  const isTable = (name: string) => ["r", "p"].includes(found.get(name)?.relkind ?? "");
  // Rights on a divided table extend to its parts, to which its policies do not apply.
  const isDivided = isHypertable || TABLES.some((name) => found.get(name)?.divided);
  return {
    names,
    tables: TABLES.filter(isTable),
    views: VIEWS.filter((name) => found.get(name)?.relkind === "v"),
    hidden: rollups.map(({ aggregate }) => aggregate).filter((name) => found.has(name)),
    way: isDivided || version < 150_000 ? "views" : "policies",
  };
}

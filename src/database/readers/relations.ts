/**
 * What readers of a tenant may come to: the tables, the views over them, and what lies below those.
 *
 * @module
 */
import type { Client } from "pg";
import { recordKind, recordKinds } from "../../records/mod.ts";
import { rollups } from "../timescale/rollups.ts";

/** The relations that are there, by name. */
export interface Relations {
  readonly schema: string;
  /** Tables with a column `series_id`. */
  readonly tables: readonly string[];
  /** Views with a column `tenant`. */
  readonly views: readonly string[];
  /** What nobody is to read: materialized data of all tenants. */
  readonly hidden: readonly string[];
  /**
   * How a reader can be kept to rows: by policies of the tables, which views heed that are asked on the reader's behalf;
   * or, where tables cannot have policies (hypertables that are compressed) or views cannot be asked like that (before
   * PostgreSQL 15), by views of their own.
   */
  readonly way: "policies" | "views";
}

/** The table of series: the only one that names the tenant. */
export const SERIES = "series_key";

const kinds = Object.keys(recordKinds).map(recordKind);
const TABLES = [...kinds.map(({ table }) => table), "series_coverage", "series_doubt"];
const VIEWS = [...kinds.map(({ view }) => view), "latest_bars", "data_freshness", ...rollups.map(({ view }) => view)];

/** Reads which of them there are. */
export async function readRelations(client: Client): Promise<Relations> {
  const { rows } = await client.query(
    `SELECT relname, relkind::text, (SELECT count(*) > 0 FROM pg_inherits WHERE inhparent = c.oid) AS divided
FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relname = ANY ($1)`,
    [[SERIES, ...TABLES, ...VIEWS, ...rollups.map(({ aggregate }) => aggregate)]],
  );
  const { rows: [{ schema, version, hypertables }] } = await client.query(
    `SELECT current_schema() AS schema, current_setting('server_version_num')::int AS version,
  to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL AS hypertables`,
  );
  const isHypertable = hypertables && (await client.query(
        `SELECT 1 FROM _timescaledb_catalog.hypertable WHERE schema_name = $1 AND table_name = 'bar'`,
        [schema],
      )).rows.length > 0;
  const found = new Map<string, { relkind: string; divided: boolean }>(rows.map((row) => [row.relname, row]));
  const isTable = (name: string) => ["r", "p"].includes(found.get(name)?.relkind ?? "");
  // Rights on a table that is divided are rights on its parts, which know nothing of its policies.
  const isDivided = isHypertable || TABLES.some((name) => found.get(name)?.divided);
  return {
    schema,
    tables: TABLES.filter(isTable),
    views: VIEWS.filter((name) => found.get(name)?.relkind === "v"),
    hidden: rollups.map(({ aggregate }) => aggregate).filter((name) => found.has(name)),
    way: isDivided || version < 150_000 ? "views" : "policies",
  };
}

/** A name as SQL writes it. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL writes it, whatever the server takes backslashes for. */
export function literal(text: string): string {
  if (text.includes("\\")) throw new RangeError(`Cannot write ${JSON.stringify(text)} as SQL: it has a backslash`);
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * The state of TimescaleDB in a database, read from its catalogue.
 *
 * @module
 */
import type { Client } from "pg";
import { literal, type Names } from "../names.ts";
import { PLAIN_BY_CHOICE, type Rollup, rollups } from "./rollups.ts";

/** Whether the extension is in the database, could be created in it by this user, or neither. */
export type Presence = "installed" | "creatable" | "absent";

/** A policy: a job that TimescaleDB runs. */
export interface Policy {
  readonly jobId: number;
  readonly everySeconds: number;
  /** Age of the chunks that it compresses or drops. */
  readonly afterSeconds?: number;
  /** How far back it refreshes; absent without a bound. */
  readonly startSeconds?: number;
}

/** The present state of a roll-up. */
export interface RollupState {
  /** Whether it is a continuous aggregate; otherwise its view is plain. */
  readonly isContinuous: boolean;
  /** Whether it is plain because the configuration says so. */
  readonly isByChoice: boolean;
  readonly isRealTime: boolean;
  /** Whether an older version created the aggregate, which single values can make fail. */
  readonly isOutdated?: boolean;
  readonly refresh?: Policy;
}

/** The present state of the extension. */
export interface TimescaleState {
  /** Whether the licence includes compression, policies and continuous aggregates. */
  readonly isCommunity: boolean;
  /** Approximate number of rows of a plain table `bar`. */
  readonly plainRows: number;
  readonly hypertable?: {
    readonly chunkSeconds: number;
    readonly isCompressible: boolean;
    readonly compression?: Policy;
    readonly retention?: Policy;
  };
  readonly rollups: ReadonlyMap<Rollup["name"], RollupState>;
}

/** A database without any state of TimescaleDB. */
export const NOTHING: TimescaleState = { isCommunity: true, plainRows: 0, rollups: new Map() };

/** Reads whether the extension is present. */
export async function readPresence(client: Client): Promise<Presence> {
  const { rows } = await client.query(
    `SELECT bool_or(installed) AS installed,
  bool_or(NOT superuser OR trusted AND has_database_privilege(current_database(), 'CREATE')
    OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) AS creatable
FROM pg_available_extension_versions WHERE name = 'timescaledb'`,
  );
  const [{ installed, creatable }] = rows;
  return installed ? "installed" : creatable ? "creatable" : "absent";
}

const HYPERTABLE = `SELECT h.compression_enabled AS compressible,
  extract(epoch FROM d.time_interval)::float8 AS chunk
FROM timescaledb_information.hypertables h
JOIN timescaledb_information.dimensions d USING (hypertable_schema, hypertable_name)
WHERE h.hypertable_schema = $1 AND h.hypertable_name = 'bar' AND d.dimension_number = 1`;

const POLICIES = `SELECT job_id, proc_name, hypertable_schema, hypertable_name,
  extract(epoch FROM schedule_interval)::float8 AS every,
  extract(epoch FROM coalesce(config->>'compress_after', config->>'drop_after')::interval)::float8 AS after,
  extract(epoch FROM (config->>'start_offset')::interval)::float8 AS start
FROM timescaledb_information.jobs
WHERE proc_name IN ('policy_compression', 'policy_retention', 'policy_refresh_continuous_aggregate')`;

const ROLLUPS = `SELECT configured.view, a.view_name IS NOT NULL AS continuous, a.materialized_only,
  position('Infinity' IN a.view_definition) = 0 AS unbounded,
  coalesce(obj_description(to_regclass(format('%I.%I', $3::text, configured.view)), 'pg_class'), '') AS comment,
  a.materialization_hypertable_schema AS schema, a.materialization_hypertable_name AS hypertable
FROM unnest($1::text[], $2::text[]) AS configured (view, aggregate)
LEFT JOIN timescaledb_information.continuous_aggregates a
  ON a.view_schema = $3 AND a.view_name = configured.aggregate`;

/** Reads the state of an installed extension. */
export async function readState(client: Client, { of, schema }: Names): Promise<TimescaleState> {
  const { rows: [{ license }] } = await client.query(
    "SELECT current_setting('timescaledb.license', true) AS license",
  );
  const { rows: [bar] } = await client.query(HYPERTABLE, [schema]);
  const { rows: [{ count }] } = await client.query(
    `SELECT greatest(reltuples, 0)::float8 AS count FROM pg_class WHERE oid = ${literal(of("bar"))}::regclass`,
  );
  const { rows: policies } = await client.query(POLICIES);
  const { rows: views } = await client.query(ROLLUPS, [
    rollups.map(({ view }) => view),
    rollups.map(({ aggregate }) => aggregate),
    schema,
  ]);
  const find = (procedure: string, ...tables: [string, string][]): Policy | undefined => {
    const row = policies.find((each) =>
      each.proc_name === procedure &&
      tables.some(([schema, name]) => each.hypertable_schema === schema && each.hypertable_name === name)
    );
    if (row === undefined) return undefined;
    return {
      jobId: row.job_id,
      everySeconds: row.every,
      afterSeconds: row.after ?? undefined,
      startSeconds: row.start ?? undefined,
    };
  };
  return {
    isCommunity: license !== "apache",
    plainRows: bar === undefined ? count : 0,
    hypertable: bar && {
      chunkSeconds: bar.chunk,
      isCompressible: bar.compressible,
      compression: find("policy_compression", [schema, "bar"]),
      retention: find("policy_retention", [schema, "bar"]),
    },
    rollups: new Map(rollups.map(({ name, view, aggregate }) => {
      const row = views.find((each) => each.view === view);
      return [name, {
        isContinuous: row.continuous,
        isByChoice: row.comment.startsWith(PLAIN_BY_CHOICE),
        isRealTime: row.materialized_only === false,
        // No value makes counts of bars fail.
        isOutdated: row.continuous && row.unbounded && name !== "series",
        // Versions differ in which of its two tables the job of a continuous aggregate names.
        refresh: row.continuous
          ? find("policy_refresh_continuous_aggregate", [row.schema, row.hypertable], [schema, aggregate])
          : undefined,
      }];
    })),
  };
}

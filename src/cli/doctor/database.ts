/**
 * Checks of the database for `barline doctor`.
 *
 * @module
 */
import type { Client } from "pg";
import type { TimescaleSettings } from "../../config/timescale.ts";
import { readCommitRisk, type SynchronousCommit } from "../../database/commit_risk.ts";
import { readReadOnly } from "../../database/read_only.ts";
import type { Names } from "../../database/names.ts";
import { planMigration, readVersion, SCHEMA_VERSION } from "../../database/migrate.ts";
import { compareSchema } from "../../database/schema/compare.ts";
import { type FoundSchema, inspectSchema } from "../../database/schema/inspect.ts";
import { findMissingRights, type Uses } from "../../database/schema/rights.ts";
import { readPlan } from "../../database/timescale/apply.ts";
import { rollups } from "../../database/timescale/rollups.ts";

/** Difference of clocks that confuses the order of observations, in milliseconds. */
const MAX_SKEW_MS = 2000;
/** Older versions write slowly into compressed chunks. */
const TIMESCALE_WANTED = [2, 12];

/**
 * Version, rights, schema, encryption and the time of an answer.
 *
 * @throws {Error} If the database does not serve these uses; the message names all problems.
 */
export async function checkDatabase(client: Client, names: Names, uses: Uses): Promise<string> {
  const { rows } = await client.query(
    `SELECT current_setting('server_version') AS version, current_user,
  coalesce((SELECT has_schema_privilege(n.oid, 'CREATE') FROM pg_namespace n WHERE n.nspname = $1),
    has_database_privilege(current_database(), 'CREATE')) AS may_create,
  coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) AS ssl`,
    [names.schema],
  );
  const started = performance.now();
  await client.query("SELECT 1");
  const ms = (performance.now() - started).toFixed(1);
  const { version: server, current_user, may_create, ssl } = rows[0];
  const problems: string[] = [];
  const readOnly = await readReadOnly(client);
  if (readOnly !== undefined) problems.push(readOnly.message);
  const plan = await planMigration(client, names);
  if (plan.length > 0 && !may_create) {
    problems.push(
      `The user "${current_user}" must not create ${plan.map(({ name }) => name).join(", ")}: ` +
        "run `barline migrate` as a user who may",
    );
  }
  const found = await inspectSchema(client, names);
  if (plan.length === 0) {
    problems.push(...compareSchema(found).differences.map(({ message }) => message));
    const { statements } = await findMissingRights(client, names, uses);
    if (statements.length > 0) {
      problems.push(
        `The user "${current_user}" lacks rights to write: as the owner run \`barline migrate --grant ${current_user}\`, or ` +
          statements.join("; "),
      );
    }
  }
  if (problems.length > 0) throw new Error(problems.join(". "));
  const version = await readVersion(client, names);
  const state = plan.length === 0
    ? `schema up to date (${version})`
    : `schema at ${version} of ${SCHEMA_VERSION}, start makes ${plan.map(({ name }) => name).join(", ")}`;
  const parts = [
    `PostgreSQL ${server}`,
    `user ${current_user}`,
    `schema ${names.schema}`,
    ssl ? "encrypted" : "not encrypted",
    state,
    ...describePartitions(found),
    `answers in ${ms} ms`,
  ];
  return parts.join(", ");
}

/** Version, schema and data of a database that another process writes. */
export async function describeDoor(client: Client, names: Names): Promise<string> {
  const { rows: [{ server, taken }] } = await client.query(
    "SELECT current_setting('server_version') AS server, current_setting('barline.snapshot_at') AS taken",
  );
  const version = await readVersion(client, names);
  return `PostgreSQL ${server}, schema ${names.schema} at ${version} of ${SCHEMA_VERSION}, data as of ${taken}`;
}

/** The risk of commits that do not wait. */
export async function describeCommits(client: Client, synchronousCommit: SynchronousCommit): Promise<string[]> {
  const found = await readCommitRisk(client, synchronousCommit);
  if (found === undefined) return [];
  const { risk, lossWindowMs } = found;
  const window = lossWindowMs === undefined ? "" : ` within ${lossWindowMs} ms`;
  return [`--synchronous-commit ${synchronousCommit}: ${risk}${window}`];
}

/** Checks that partitions exist before bars come, if the user has partitioned the tables. */
function describePartitions({ relations }: FoundSchema): string[] {
  const open = Array.from(relations.values()).filter(({ kind, hasDefaultPartition }) =>
    kind === "partitioned table" && !hasDefaultPartition
  );
  return open.map(({ name }) => `${name} has no DEFAULT partition, so that partitions must exist ahead of their rows`);
}

/** Problem of a version of TimescaleDB, such as `2.11.2`, with advice; `undefined` without one. */
export function adviseOnTimescale(version: string): string | undefined {
  const [major, minor] = version.split(".").map(Number);
  const [wantedMajor, wantedMinor] = TIMESCALE_WANTED;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return `Version ${version} is slow to write into compressed chunks, expected ${
    TIMESCALE_WANTED.join(".")
  } or newer. ` +
    "Update the server's package, then run `ALTER EXTENSION timescaledb UPDATE` as the first statement of a session";
}

/** Policies of the bars and their roll-ups whose last run has failed. */
const FAILED_JOBS = `SELECT j.job_id, j.proc_name
FROM timescaledb_information.jobs j JOIN timescaledb_information.job_stats s USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates a ON a.view_schema = $2
  AND j.hypertable_name IN (a.view_name, a.materialization_hypertable_name)
WHERE s.last_run_status = 'Failed'
  AND (j.hypertable_schema = $2 AND j.hypertable_name = 'bar' OR a.view_name = ANY ($1))
ORDER BY j.job_id`;

/**
 * Whether TimescaleDB, which is optional, exists and keeps the bars as configured.
 *
 * @throws {Error} If it is too old, or if its jobs fail.
 */
export async function checkTimescale(client: Client, names: Names, settings: TimescaleSettings): Promise<string> {
  const { rows } = await client.query(
    `SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'timescaledb'`,
  );
  if (rows.length === 0) return "not there, tables are plain";
  const { default_version, installed_version } = rows[0];
  const old = adviseOnTimescale(String(installed_version ?? default_version));
  if (old !== undefined) throw new Error(old);
  if (installed_version === null) return `${default_version} could be installed`;
  const { rows: failed } = await client.query(FAILED_JOBS, [
    rollups.map(({ aggregate }) => aggregate),
    names.schema,
  ]);
  if (failed.length > 0) {
    const names = failed.map(({ job_id, proc_name }) => `${proc_name} ${job_id}`).join(", ");
    throw new Error(`Jobs of version ${installed_version} fail (${names}). Look into the server's log for why`);
  }
  if (await readVersion(client, names) < SCHEMA_VERSION) return `version ${installed_version}`;
  const steps = await readPlan(client, names, settings);
  const state = steps.length === 0 ? "set up" : `${steps.length} steps to do, see \`barline migrate --plan\``;
  return `version ${installed_version}, ${settings.enabled === false ? "not used" : state}`;
}

/**
 * Checks that the clocks of this host and of the database agree.
 *
 * @throws {Error} If they do not.
 */
export async function checkClock(client: Client): Promise<string> {
  const before = Date.now();
  const { rows } = await client.query("SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS theirs");
  const skewMs = rows[0].theirs - (before + Date.now()) / 2;
  const words = `${Math.abs(skewMs).toFixed(0)} ms ${skewMs < 0 ? "ahead of" : "behind"} the database's`;
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return words;
  throw new Error(`The clock of this host is ${words}, expected at most ${MAX_SKEW_MS} ms: is NTP at work on both?`);
}

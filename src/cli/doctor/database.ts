/**
 * What `barline doctor` asks the database.
 *
 * @module
 */
import type { Client } from "pg";
import type { TimescaleSettings } from "../../config/timescale.ts";
import { readVersion, SCHEMA_VERSION } from "../../database/migrate.ts";
import { readPlan } from "../../database/timescale/apply.ts";
import { rollups } from "../../database/timescale/rollups.ts";

/** A clock that differs more confuses what is newer than what, in milliseconds. */
const MAX_SKEW_MS = 2000;
/** Older ones are slow to write into compressed chunks. */
const TIMESCALE_WANTED = [2, 12];

/**
 * Version, rights, schema, encryption and the time of an answer.
 *
 * @throws {Error} If the user may not make the tables that are missing.
 */
export async function checkDatabase(client: Client): Promise<string> {
  const { rows } = await client.query(
    `SELECT current_setting('server_version') AS version, current_user,
  has_schema_privilege(current_schema(), 'CREATE') AS may_create,
  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS ssl`,
  );
  const started = performance.now();
  await client.query("SELECT 1");
  const ms = (performance.now() - started).toFixed(1);
  const { version, current_user, may_create, ssl } = rows[0];
  const schema = await readVersion(client);
  if (schema !== SCHEMA_VERSION && !may_create) {
    throw new Error(`User "${current_user}" must not create tables. Run \`barline migrate\` as a user who may`);
  }
  const state = schema === SCHEMA_VERSION
    ? `schema up to date (${schema})`
    : `schema at ${schema} of ${SCHEMA_VERSION}, will be migrated at start`;
  return `PostgreSQL ${version}, user ${current_user}, ${
    ssl ? "encrypted" : "not encrypted"
  }, ${state}, answers in ${ms} ms`;
}

/** What is wrong with a version of TimescaleDB, as `2.11.2`, and what to do; `undefined` where nothing is. */
export function adviseOnTimescale(version: string): string | undefined {
  const [major, minor] = version.split(".").map(Number);
  const [wantedMajor, wantedMinor] = TIMESCALE_WANTED;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return `version ${version} is slow to write into compressed chunks, wanted is ${
    TIMESCALE_WANTED.join(".")
  } or newer. ` +
    "Update the server's package, then run `ALTER EXTENSION timescaledb UPDATE` as the first statement of a session";
}

/** Policies of the bars and their roll-ups whose last run has failed. */
const FAILED_JOBS = `SELECT j.job_id, j.proc_name
FROM timescaledb_information.jobs j JOIN timescaledb_information.job_stats s USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates a ON a.view_schema = current_schema()
  AND j.hypertable_name IN (a.view_name, a.materialization_hypertable_name)
WHERE s.last_run_status = 'Failed'
  AND (j.hypertable_schema = current_schema() AND j.hypertable_name = 'bar' OR a.view_name = ANY ($1))
ORDER BY j.job_id`;

/**
 * Whether TimescaleDB is there, which it need not be, and keeps the bars as the settings want.
 *
 * @throws {Error} If it is too old, or if its jobs fail.
 */
export async function checkTimescale(client: Client, settings: TimescaleSettings): Promise<string> {
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
  ]);
  if (failed.length > 0) {
    const names = failed.map(({ job_id, proc_name }) => `${proc_name} ${job_id}`).join(", ");
    throw new Error(`version ${installed_version}, whose jobs fail (${names}). Look into the server's log for why`);
  }
  if (await readVersion(client) < SCHEMA_VERSION) return `version ${installed_version}`;
  const steps = await readPlan(client, settings);
  const state = steps.length === 0 ? "set up" : `${steps.length} steps to do, see \`barline migrate --plan\``;
  return `version ${installed_version}, ${settings.enabled === false ? "not used" : state}`;
}

/**
 * The clocks of this host and of the database agree.
 *
 * @throws {Error} If they do not.
 */
export async function checkClock(client: Client): Promise<string> {
  const before = Date.now();
  const { rows } = await client.query("SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS theirs");
  const skewMs = rows[0].theirs - (before + Date.now()) / 2;
  const words = `${Math.abs(skewMs).toFixed(0)} ms ${skewMs < 0 ? "ahead of" : "behind"} the database's`;
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return words;
  throw new Error(`this host's clock is ${words}, wanted are at most ${MAX_SKEW_MS} ms: is NTP at work on both?`);
}

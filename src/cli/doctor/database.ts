/**
 * What `barline doctor` asks the database.
 *
 * @module
 */
import type { Client } from "pg";
import { readVersion, SCHEMA_VERSION } from "../../database/migrate.ts";

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

/**
 * Whether TimescaleDB is there; it need not be.
 *
 * @throws {Error} If it is too old.
 */
export async function checkTimescale(client: Client): Promise<string> {
  const { rows } = await client.query(
    `SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'timescaledb'`,
  );
  if (rows.length === 0) return "not there, tables are plain";
  const { default_version, installed_version } = rows[0];
  const [major, minor] = String(installed_version ?? default_version).split(".").map(Number);
  if (major < TIMESCALE_WANTED[0] || (major === TIMESCALE_WANTED[0] && minor < TIMESCALE_WANTED[1])) {
    throw new Error(
      `version ${installed_version ?? default_version} is slow with compressed chunks, wanted is ` +
        `${TIMESCALE_WANTED.join(".")} or newer`,
    );
  }
  return installed_version === null ? `${default_version} could be installed` : `version ${installed_version}`;
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

/**
 * Brings TimescaleDB's part of a database to the configured state, where the extension is available.
 *
 * Bars can be stored without any of it, so nothing here fails a start: a failed step causes a warning, and is tried
 * again at the next start.
 *
 * @module
 */
import type { Client } from "pg";
import { ANSWER_MS, type Database, withClient, withinMs } from "../database.ts";
import { adviseOnDatabaseError } from "../faults.ts";
import { lockSchema } from "../lock.ts";
import type { Names } from "../names.ts";
import { inTransaction } from "../transaction.ts";
import { inspectSchema } from "../schema/inspect.ts";
import { runStep, type Step } from "../step.ts";
import { type PlannedSettings, planTimescale } from "./plan.ts";
import { NOTHING, readPresence, readState } from "./state.ts";

/** The extension, as a step. */
export const EXTENSION: Step = {
  name: "create the extension timescaledb",
  statements: ["CREATE EXTENSION IF NOT EXISTS timescaledb"],
};

const POLICIES =
  "Bars stay in a plain table, as tenants' readers are kept to their rows by policies, which TimescaleDB " +
  "cannot keep: barline tenant revoke all of them, barline migrate, and barline tenant grant them again";

/** Whether policies on the table restrict readers: they would not apply to the parts of a hypertable. */
async function hasPolicies(client: Client, { schema }: Names): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'bar'`,
    [schema],
  );
  return rows[0]?.relrowsecurity ?? false;
}

/** Whether the user has partitioned the table, which cannot become a hypertable then. */
async function isPartitioned(client: Client, names: Names): Promise<boolean> {
  return (await inspectSchema(client, names, ["bar"])).relations.get("bar")?.kind === "partitioned table";
}

/** Longest wait for a lock on a shared table, during which all later users of it wait, too. */
const LOCK_TIMEOUT = "10s";

/** Longest times for moving rows into chunks, at a start and by `migrate`, in milliseconds; the server sets no limit. */
const MOVE_AT_START_MS = 10 * 60_000;
const MOVE_MS = 24 * 60 * 60_000;

/** The steps to take; empty once all are done. */
export async function readPlan(client: Client, names: Names, settings: PlannedSettings): Promise<Step[]> {
  if (settings.enabled === false) return [];
  const presence = await readPresence(client);
  if (presence === "absent") return [];
  if (await hasPolicies(client, names) || await isPartitioned(client, names)) return [];
  if (presence === "creatable") return [EXTENSION, ...planTimescale(settings, NOTHING, names)];
  return planTimescale(settings, await readState(client, names), names);
}

/**
 * Takes the steps, and returns their names. `warn` is called for each failed step, with advice. A plain table with more
 * than `mostRows` stays plain, as moving its rows takes long, under a lock. Aborts with `signal`.
 */
export async function applyTimescale(
  database: Database,
  settings: PlannedSettings,
  warn: (problem: Error) => void,
  { mostRows = Infinity, signal }: { mostRows?: number; signal?: AbortSignal } = {},
): Promise<string[]> {
  try {
    const plan = await withClient(database, async (client, names) => {
      const isPresent = settings.enabled !== false && await readPresence(client) === "installed";
      if (isPresent && await hasPolicies(client, names)) warn(new Error(POLICIES));
      return await readPlan(client, names, settings);
    }, withinMs(database.answerMs ?? ANSWER_MS, signal));
    if (plan.length === 0) return [];
    const done: string[] = [];
    if (plan[0] === EXTENSION) {
      // On a separate connection: a server that has not loaded the library ends the session that asks for it.
      await withClient(database, (client) => runStep(client, EXTENSION), signal);
      done.push(EXTENSION.name);
    }
    const work = (client: Client, names: Names) => reconcile(client, names, settings, warn, mostRows);
    return [...done, ...await withClient(database, work, signal)];
  } catch (error) {
    warn(explain("set up TimescaleDB", error));
    return [];
  }
}

/** Plans again under the lock, as another process may have taken steps meanwhile, and takes step after step. */
async function reconcile(
  client: Client,
  names: Names,
  settings: PlannedSettings,
  warn: (problem: Error) => void,
  mostRows: number,
): Promise<string[]> {
  return await inTransaction(client, async () => {
    await lockSchema(client, names);
    // Existing rows are moved into chunks, which takes long.
    await client.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    // Its functions may lie in a schema outside the search path.
    await client.query(
      `SELECT set_config('search_path', current_setting('search_path') || ', ' || quote_ident(nspname), true)
FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'timescaledb'`,
    );
    const state = await readState(client, names);
    if (state.plainRows > mostRows) throw new Error(tellTooMany(state.plainRows));
    const done: string[] = [];
    for (const step of planTimescale(settings, state, names)) {
      await client.query("SAVEPOINT step");
      try {
        await runStep(client, step, mostRows === Infinity ? MOVE_MS : MOVE_AT_START_MS);
        await client.query("RELEASE step");
        done.push(step.name);
      } catch (error) {
        await client.query("ROLLBACK TO step");
        warn(explain(step.name, error));
        // The steps after the hypertable depend on it.
        if (done.length === 0 && step.name.includes("hypertable")) break;
      }
    }
    return done;
  });
}

const tellTooMany = (rows: number) =>
  `about ${Math.round(rows).toLocaleString("en-US")} bars have to be moved into chunks, while nobody can write. ` +
  "Run `barline migrate` when there is time for it, or say `timescale: { enabled: false }`";

function explain(what: string, cause: unknown): Error {
  const { message, hint } = cause as { message: string; hint?: string };
  return new Error(
    [`Cannot ${what}: ${message}. Bars are stored all the same.`, hint, adviseOnDatabaseError(cause)].filter(Boolean)
      .join(" "),
    { cause },
  );
}

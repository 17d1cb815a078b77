/**
 * Migrations: numbered SQL files, applied in order, once; and then what is missing by the description of the schema, such as
 * the tables of further kinds of records and the roll-ups of bars.
 *
 * @module
 */
import type { Client } from "pg";
import { ANSWER_MS, type Database, withClient, withinMs } from "./database.ts";
import { FatalError, PrepareError } from "./faults.ts";
import bars from "./sql/0001_bars.sql" with { type: "text" };
import noTrade from "./sql/0002_no_trade.sql" with { type: "text" };
import readers from "./sql/0003_readers.sql" with { type: "text" };
import cluster from "./sql/0004_cluster.sql" with { type: "text" };
import coverage from "./sql/0005_coverage.sql" with { type: "text" };
import destination from "./sql/0006_destination.sql" with { type: "text" };
import soundViews from "./sql/0007_sound_views.sql" with { type: "text" };
import writers from "./sql/0008_writers.sql" with { type: "text" };
import leases from "./sql/0009_leases.sql" with { type: "text" };
import { checkServerVersion } from "./server_version.ts";
import { compareSchema, findMissing, refuseFatal } from "./schema/compare.ts";
import { furtherRelations } from "./schema/description.ts";
import { type FoundSchema, inspectSchema, NO_SCHEMA } from "./schema/inspect.ts";
import { findMissingRights, type Uses } from "./schema/rights.ts";
import { runStep, type Step } from "./step.ts";

/** A step of the schema. Its number is its place in {@linkcode migrations}, from 1. */
interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** All migrations, oldest first. Never changed once released: a further change is a further file. */
const migrations: readonly Migration[] = [
  { name: "bars", sql: bars },
  { name: "no-trade", sql: noTrade },
  { name: "readers", sql: readers },
  { name: "cluster", sql: cluster },
  { name: "coverage", sql: coverage },
  { name: "destination", sql: destination },
  { name: "sound-views", sql: soundViews },
  { name: "writers", sql: writers },
  { name: "leases", sql: leases },
];

/** Who changes the schema holds this lock. Any fixed number: "barline" on a telephone's keys. */
export const LOCK_KEY = 2275463;

const HISTORY = `CREATE TABLE IF NOT EXISTS barline_migration (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** The schema's version of this program. */
export const SCHEMA_VERSION = migrations.length;

/** Most rounds of planning: what migrations make lets the comparison find what is still missing. */
const ROUNDS = 3;

/**
 * Brings the schema to {@linkcode SCHEMA_VERSION} and makes what is missing of it, all or nothing. Returns the names of what
 * was done.
 *
 * Processes that start at once wait for each other: the steps run in one transaction under an advisory lock, which a
 * pooler in transaction mode keeps whole too. A schema that is up to date is only read, so that a user without the
 * right to create tables can write bars.
 *
 * @throws {Error} If the database is newer than this program, holds relations of others, or refuses a step.
 */
export async function migrate(client: Client): Promise<string[]> {
  if ((await planMigration(client)).length === 0) return [];
  // Whatever the database's default: who has waited for the lock must see what the other has done meanwhile.
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY]);
    // Also makes the session hear of what the one before has made while this one waited.
    await client.query(HISTORY);
    const done: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const steps = await planMigration(client);
      if (steps.length === 0) break;
      for (const step of steps) await runStep(client, step);
      done.push(...steps.map(({ name }) => name));
    }
    await client.query("COMMIT");
    return done;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * What {@linkcode migrate} would do; `client` is `undefined` for a database that is not there yet.
 *
 * @throws {FatalError} If the server is too old, the database is newer than this program, holds relations of others under
 * Barline's names, or differs from the schema in a way that no step mends.
 */
export async function planMigration(client: Client | undefined): Promise<Step[]> {
  if (client !== undefined) await checkServerVersion(client);
  const version = client === undefined ? 0 : await readVersion(client);
  const found = client === undefined ? NO_SCHEMA : await inspectSchema(client);
  if (version === 0) refuseOthers(found);
  const pending = migrationSteps(version);
  if (pending.length === 0) {
    const comparison = compareSchema(found);
    refuseFatal(comparison);
    return [...comparison.steps];
  }
  if (version === 0) return [...pending, ...furtherRelations.map(({ name, create }) => ({ name, statements: create }))];
  const script = pending.flatMap(({ statements }) => statements).join("\n");
  const others = findMissing(found).filter(({ name }) => !makes(script, name));
  // What was dropped is made again first, as migrations build on it; its triggers may be made by them.
  return [
    ...others.map(({ name, create, triggers }) => ({
      name,
      statements: [...create, ...triggers.filter((each) => !makes(script, each.name)).map((each) => each.create)],
    })),
    ...pending,
  ];
}

/** The migrations that come after a version. */
export function migrationSteps(version: number): Step[] {
  return migrations.slice(version).map(({ name, sql }, at) => ({
    name,
    statements: [
      ...(version + at === 0 ? [HISTORY] : []),
      sql.trim().replace(/;$/, ""),
      `INSERT INTO barline_migration (version, name) VALUES (${version + at + 1}, '${name}')`,
    ],
  }));
}

/** Whether a script makes a relation or a trigger of that name. */
function makes(script: string, name: string): boolean {
  return new RegExp(`(CREATE (TABLE|VIEW|TRIGGER)( IF NOT EXISTS)?|RENAME TO) ${name}\\b`).test(script);
}

/** Refuses a schema without Barline's history in which somebody else's relations have Barline's names. */
function refuseOthers({ schema, relations }: FoundSchema): void {
  const others = Array.from(relations.values()).filter(({ name }) => name !== "barline_migration");
  if (others.length === 0) return;
  const list = others.map(({ kind, name, owner }) => `the ${kind} "${name}" of "${owner}"`).join(", ");
  throw new FatalError(
    `Cannot use the schema "${schema}": it holds ${list}, and no table barline_migration, so they are not Barline's. ` +
      "Leave them, and let Barline have a database or a schema of its own: " +
      "CREATE SCHEMA barline; ALTER ROLE … SET search_path = barline",
  );
}

/** Options of {@linkcode prepareDatabase}. */
export interface PrepareDatabaseOptions {
  /** Ends it. */
  signal?: AbortSignal;
  /**
   * Longest time until the database has told what its schema lacks, in milliseconds. What has to be done then may take as
   * long as its statements may.
   *
   * @default {the database's own, see `Database.answerMs`}
   */
  answerMs?: number;
  /** What the user is to do with the database. @default {nothing} */
  uses?: Uses;
  /** Hears of what makes writes slow, or some of them fail. */
  warn?: (message: string) => void;
}

/**
 * Connects and brings the schema up to date, as every start does, and checks that records can be written into it. Returns
 * the names of what was applied.
 *
 * @throws {PrepareError} If that cannot be done; names the database.
 */
export async function prepareDatabase(
  database: Database,
  { signal, answerMs = database.answerMs ?? ANSWER_MS, uses = {}, warn = () => {} }: PrepareDatabaseOptions = {},
): Promise<string[]> {
  try {
    const steps = await withClient(database, planMigration, withinMs(answerMs, signal));
    const applied = steps.length === 0 ? [] : await withClient(database, migrate, signal);
    await withClient(database, (client) => checkSchema(client, uses, warn), withinMs(answerMs, signal));
    return applied;
  } catch (cause) {
    throw new PrepareError(`Cannot prepare the database ${database.label}`, { cause });
  }
}

/**
 * Checks that the schema, which is up to date, serves these uses.
 *
 * @throws {FatalError} If it does not; says what to do.
 */
async function checkSchema(client: Client, uses: Uses, warn: (message: string) => void): Promise<void> {
  const comparison = compareSchema(await inspectSchema(client));
  refuseFatal(comparison);
  for (const { message } of comparison.differences) warn(message);
  const { role, statements } = await findMissingRights(client, uses);
  if (statements.length === 0) return;
  throw new FatalError(
    `The user "${role}" lacks rights to write: as the owner of the tables run \`barline migrate --grant ${role}\`, or ` +
      statements.join("; "),
  );
}

/**
 * The version that the database's schema has; 0 where there is none.
 *
 * @throws {Error} If it is newer than this program knows.
 */
export async function readVersion(client: Client): Promise<number> {
  const found = await client.query(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = current_schema() AND c.relname = 'barline_migration') AS found`,
  );
  if (!found.rows[0].found) return 0;
  const { rows } = await client.query("SELECT coalesce(max(m.version), 0)::int AS version FROM barline_migration m");
  const version: number = rows[0].version;
  if (version > SCHEMA_VERSION) {
    throw new FatalError(
      `Cannot use a database of schema version ${version}: this program knows version ${SCHEMA_VERSION}. ` +
        "Use the newer program that migrated it",
    );
  }
  return version;
}

/**
 * Migrations: numbered SQL files, applied in order, once; and then what is missing of the tables of the kinds of records
 * and of the roll-ups of bars, which the program makes itself.
 *
 * @module
 */
import type { Client } from "pg";
import { ANSWER_MS, type Database, withClient, withinMs } from "./database.ts";
import { FatalError } from "./faults.ts";
import { kindTables } from "./kinds.ts";
import bars from "./sql/0001_bars.sql" with { type: "text" };
import noTrade from "./sql/0002_no_trade.sql" with { type: "text" };
import readers from "./sql/0003_readers.sql" with { type: "text" };
import cluster from "./sql/0004_cluster.sql" with { type: "text" };
import coverage from "./sql/0005_coverage.sql" with { type: "text" };
import destination from "./sql/0006_destination.sql" with { type: "text" };
import soundViews from "./sql/0007_sound_views.sql" with { type: "text" };
import { runStep, type Step } from "./step.ts";
import { rollupViews } from "./timescale/rollups.ts";

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

/**
 * Brings the schema to {@linkcode SCHEMA_VERSION}, all or nothing, and returns the names of what was applied.
 *
 * Processes that start at once wait for each other: the steps run in one transaction under an advisory lock, which a
 * pooler in transaction mode keeps whole too. A schema that is up to date is only read, so that a user without the
 * right to create tables can write bars.
 *
 * @throws {Error} If the database is newer than this program, or refuses a step.
 */
export async function migrate(client: Client): Promise<string[]> {
  if ((await planMigration(client)).length === 0) return [];
  // Whatever the database's default: who has waited for the lock must see what the other has done meanwhile.
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY]);
    // Also makes the session hear of what the one before has made while this one waited.
    await client.query(HISTORY);
    const steps = await planMigration(client);
    for (const step of steps) await runStep(client, step);
    await client.query("COMMIT");
    return steps.map(({ name }) => name);
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * What {@linkcode migrate} would do; `client` is `undefined` for a database that is not there yet.
 *
 * @throws {Error} If the database is newer than this program.
 */
export async function planMigration(client: Client | undefined): Promise<Step[]> {
  const version = client === undefined ? 0 : await readVersion(client);
  const pending = migrations.slice(version).map(({ name, sql }, at) => ({
    name,
    statements: [
      ...(version + at === 0 ? [HISTORY] : []),
      sql.trim().replace(/;$/, ""),
      `INSERT INTO barline_migration (version, name) VALUES (${version + at + 1}, '${name}')`,
    ],
  }));
  // The first migration makes the table bar.
  const tables = kindTables().filter(({ relation }) => version > 0 || relation !== "bar");
  return [
    ...pending,
    ...await findMissing(client, "r", tables),
    ...await findMissing(client, "v", rollupViews()),
  ];
}

/** The steps that make those of the relations that are not there as such: `r` a table, `v` a view. */
async function findMissing(
  client: Client | undefined,
  relkind: "r" | "v",
  made: readonly { relation: string; step: Step }[],
): Promise<Step[]> {
  const there = client === undefined ? [] : (await client.query(
    "SELECT name FROM unnest($1::text[]) AS name JOIN pg_class c ON c.oid = to_regclass(name) WHERE relkind = $2",
    [made.map(({ relation }) => relation), relkind],
  )).rows.map(({ name }) => name);
  return made.filter(({ relation }) => !there.includes(relation)).map(({ step }) => step);
}

/** Options of {@linkcode prepareDatabase}. */
export interface PrepareDatabaseOptions {
  /** Ends it. */
  signal?: AbortSignal;
  /**
   * Longest time until the database has told what its schema lacks, in milliseconds. What has to be done then may take as
   * long as its statements may.
   *
   * @default {15000}
   */
  answerMs?: number;
}

/**
 * Connects and brings the schema up to date, as every start does. Returns the names of what was applied.
 *
 * @throws {Error} If that cannot be done; names the database.
 */
export async function prepareDatabase(
  database: Database,
  { signal, answerMs = ANSWER_MS }: PrepareDatabaseOptions = {},
): Promise<string[]> {
  try {
    const steps = await withClient(database, planMigration, withinMs(answerMs, signal));
    return steps.length === 0 ? [] : await withClient(database, migrate, signal);
  } catch (cause) {
    throw new Error(`Cannot prepare the database ${database.label}`, { cause });
  }
}

/**
 * The version that the database's schema has; 0 where there is none.
 *
 * @throws {Error} If it is newer than this program knows.
 */
export async function readVersion(client: Client): Promise<number> {
  const found = await client.query("SELECT to_regclass('barline_migration') IS NOT NULL AS found");
  if (!found.rows[0].found) return 0;
  const { rows } = await client.query("SELECT coalesce(max(version), 0)::int AS version FROM barline_migration");
  const version: number = rows[0].version;
  if (version > SCHEMA_VERSION) {
    throw new FatalError(
      `Cannot use a database of schema version ${version}: this program knows version ${SCHEMA_VERSION}. ` +
        "Use the newer program that migrated it",
    );
  }
  return version;
}

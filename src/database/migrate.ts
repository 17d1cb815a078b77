/**
 * Applies migrations: numbered SQL files, in order, each once. Then it creates what the description of the schema has
 * and the database lacks, such as tables of further record kinds and roll-ups of bars.
 *
 * @module
 */
import type { Client } from "pg";
import { ANSWER_MS, type Database, withClient, withinMs } from "./database.ts";
import { FatalError, PrepareError, sqlState } from "./faults.ts";
import { lockSchema } from "./lock.ts";
import type { Names } from "./names.ts";
import { bars } from "./sql/0001_bars.ts";
import { noTrade } from "./sql/0002_no_trade.ts";
import { readers } from "./sql/0003_readers.ts";
import { cluster } from "./sql/0004_cluster.ts";
import { coverage } from "./sql/0005_coverage.ts";
import { destination } from "./sql/0006_destination.ts";
import { soundViews } from "./sql/0007_sound_views.ts";
import { writers } from "./sql/0008_writers.ts";
import { leases } from "./sql/0009_leases.ts";
import { deletions } from "./sql/0010_deletions.ts";
import { refuseReadOnly } from "./read_only.ts";
import { loads } from "./sql/0011_loads.ts";
import { historyReads } from "./sql/0012_history_reads.ts";
import { streamLog } from "./sql/0013_stream_log.ts";
import { checkServerVersion } from "./server_version.ts";
import { compareSchema, findMissing, refuseFatal } from "./schema/compare.ts";
import { furtherRelations } from "./schema/description.ts";
import { type FoundSchema, inspectSchema, noSchema } from "./schema/inspect.ts";
import { findMissingRights, type Uses } from "./schema/rights.ts";
import { runStep, type Step } from "./step.ts";

/** A step of the schema. Its number is its place in {@linkcode migrations}, from 1. */
interface Migration {
  readonly name: string;
  readonly sql: (names: Names) => string;
}

/** All migrations, oldest first. A released one never changes: a further change takes a further file. */
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
  { name: "deletions", sql: deletions },
  { name: "loads", sql: loads },
  { name: "history-reads", sql: historyReads },
  { name: "stream-log", sql: streamLog },
];

const createHistory = ({ of }: Names) =>
  `CREATE TABLE IF NOT EXISTS ${of("barline_migration")} (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** The schema version of this program. */
export const SCHEMA_VERSION = migrations.length;

const schemaStep = ({ quotedSchema }: Names): Step => ({
  name: `schema ${quotedSchema}`,
  statements: [`CREATE SCHEMA IF NOT EXISTS ${quotedSchema}`],
});

/** SQLSTATEs of a schema or table that another process has just created. */
const JUST_MADE = new Set(["23505", "42P06", "42P07"]);

/** Most rounds of planning: the comparison may find more missing once a migration has run. */
const ROUNDS = 3;

/**
 * Brings the schema to {@linkcode SCHEMA_VERSION} and creates its missing parts, all or nothing. Returns the names of
 * the steps taken.
 *
 * Processes that start together wait for each other: the steps run in one transaction under a lock, which also works
 * through a pooler in transaction mode. A schema that is up to date is only read, so that a user without the right to
 * create tables can write bars.
 *
 * @throws {Error} If the database is newer than this program, has relations of others under Barline's names, or refuses
 * a step.
 */
export async function migrate(client: Client, names: Names): Promise<string[]> {
  while (true) {
    if ((await planMigration(client, names)).length === 0) return [];
    // Independent of the database's default: a process that waited for the lock must see the changes of the one before.
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    try {
      const begun = await makeHistory(client, names);
      const done = begun && [...begun, ...await runAll(client, names)];
      await client.query(done === undefined ? "ROLLBACK" : "COMMIT");
      if (done !== undefined) return done;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {});
      throw error;
    }
  }
}

/**
 * Creates the schema and the table of the history, whose lock orders processes. Returns the names of the steps taken;
 * `undefined` if another process was faster: creating the same table waits for the other's commit and then fails.
 */
async function makeHistory(client: Client, names: Names): Promise<string[] | undefined> {
  const { exists } = await inspectSchema(client, names, []);
  const step = schemaStep(names);
  try {
    if (!exists) await runStep(client, step);
    await client.query(createHistory(names));
    return exists ? [] : [step.name];
  } catch (error) {
    if (JUST_MADE.has(sqlState(error) ?? "")) return undefined;
    throw error;
  }
}

/** Takes all steps, and returns their names. */
async function runAll(client: Client, names: Names): Promise<string[]> {
  await lockSchema(client, names);
  const done: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const steps = await planMigration(client, names);
    if (steps.length === 0) break;
    for (const step of steps) await runStep(client, step);
    done.push(...steps.map(({ name }) => name));
  }
  return done;
}

/**
 * The steps that {@linkcode migrate} would take; `client` is `undefined` for a database that does not exist yet.
 *
 * @throws {FatalError} If the server is too old, the database is newer than this program, has relations of others under
 * Barline's names, or differs from the schema in a way that no step mends.
 */
export async function planMigration(client: Client | undefined, names: Names): Promise<Step[]> {
  if (client !== undefined) await checkServerVersion(client);
  const found = client === undefined ? noSchema(names) : await inspectSchema(client, names);
  const version = client === undefined ? 0 : await readVersion(client, names);
  if (version === 0) refuseOthers(found);
  const pending = migrationSteps(version, names);
  if (pending.length === 0) {
    const comparison = compareSchema(found);
    refuseFatal(comparison);
    return [...comparison.steps];
  }
  if (version === 0) {
    return [
      ...found.exists ? [] : [schemaStep(names)],
      ...pending,
      ...furtherRelations.map(({ name, create }) => ({ name, statements: create(names) })),
    ];
  }
  const script = pending.flatMap(({ statements }) => statements).join("\n");
  const isMade = ({ name }: { readonly name: string }) => makes(script, name, names);
  const others = findMissing(found).filter((each) => !isMade(each));
  // Dropped relations are recreated first, as migrations build on them and may also create their triggers.
  return [
    ...others.map(({ name, create, triggers }) => ({
      name,
      statements: [...create(names), ...triggers.filter((each) => !isMade(each)).map((each) => each.create(names))],
    })),
    ...pending,
  ];
}

/** The migrations after a version. */
export function migrationSteps(version: number, names: Names): Step[] {
  return migrations.slice(version).map(({ name, sql }, at) => ({
    name,
    statements: [
      ...(version + at === 0 ? [createHistory(names)] : []),
      sql(names),
      `INSERT INTO ${names.of("barline_migration")} (version, name) VALUES (${version + at + 1}, '${name}')`,
    ],
  }));
}

/** Whether a script creates a relation or trigger with the name. */
function makes(script: string, name: string, { of }: Names): boolean {
  const made = [`TABLE ${of(name)}`, `TABLE IF NOT EXISTS ${of(name)}`, `VIEW ${of(name)}`, `TRIGGER ${name}`];
  const isMade = made.some((each) => script.includes(`CREATE ${each} `));
  return isMade || script.includes(`RENAME TO ${name};`);
}

/** Refuses a schema without Barline's history in which others' relations have Barline's names. */
function refuseOthers({ names: { schema }, relations }: FoundSchema): void {
  const others = Array.from(relations.values()).filter(({ name }) => name !== "barline_migration");
  if (others.length === 0) return;
  const list = others.map(({ kind, name, owner }) => `the ${kind} "${name}" belongs to role "${owner}"`).join(" and ");
  throw new FatalError(
    `Cannot use the schema "${schema}": ${list} and is not Barline's: use --schema NAME, which ` +
      "`barline migrate --schema NAME` makes",
  );
}

/** Options of {@linkcode prepareDatabase}. */
export interface PrepareDatabaseOptions {
  /** Aborts it. */
  signal?: AbortSignal;
  /**
   * Longest time to find the missing parts of the schema, in milliseconds. The steps that follow may take as long as
   * their statements may.
   *
   * @default {the database's own, see `Database.answerMs`}
   */
  answerMs?: number;
  /** How the user will use the database. @default {no use} */
  uses?: Uses;
  /** Called with a warning about slow or partly failing writes. */
  warn?: (message: string) => void;
}

/**
 * Connects and brings the schema up to date, as every start does, and checks that records can be written into it.
 * Returns the names of the steps taken.
 *
 * @throws {PrepareError} If that fails; the message names the database.
 */
export async function prepareDatabase(
  database: Database,
  { signal, answerMs = database.answerMs ?? ANSWER_MS, uses = {}, warn = () => {} }: PrepareDatabaseOptions = {},
): Promise<string[]> {
  try {
    const steps = await withClient(database, async (client, names) => {
      const planned = await planMigration(client, names);
      if (planned.length > 0 || (uses.kinds ?? []).length > 0) await refuseReadOnly(client);
      return planned;
    }, withinMs(answerMs, signal));
    const applied = steps.length === 0 ? [] : await withClient(database, migrate, signal);
    await withClient(database, (client, names) => checkSchema(client, names, uses, warn), withinMs(answerMs, signal));
    return applied;
  } catch (cause) {
    throw new PrepareError(`Cannot prepare the database ${database.label}`, { cause });
  }
}

/**
 * Checks that the schema is that of this program, for a database that is only read.
 *
 * @throws {PrepareError} If it is not; the message says what to do.
 */
export async function checkPrepared(database: Database, signal?: AbortSignal): Promise<void> {
  try {
    const answerMs = database.answerMs ?? ANSWER_MS;
    const [version, schema] = await withClient(
      database,
      async (client, names) => [await readVersion(client, names), names.schema] as const,
      withinMs(answerMs, signal),
    );
    if (version === SCHEMA_VERSION) return;
    throw new FatalError(
      version === 0
        ? `There are no tables of Barline in the schema "${schema}": ingest into it first, or name another with --schema`
        : `The schema "${schema}" has version ${version}, expected ${SCHEMA_VERSION}: run barline migrate, or ingest into it`,
    );
  } catch (cause) {
    throw new PrepareError(`Cannot read the database ${database.label}`, { cause });
  }
}

/**
 * Checks that an up-to-date schema serves these uses.
 *
 * @throws {FatalError} If it does not; the message says what to do.
 */
async function checkSchema(
  client: Client,
  names: Names,
  uses: Uses,
  warn: (message: string) => void,
): Promise<void> {
  const comparison = compareSchema(await inspectSchema(client, names));
  refuseFatal(comparison);
  for (const { message } of comparison.differences) warn(message);
  const { role, statements } = await findMissingRights(client, names, uses);
  if (statements.length === 0) return;
  throw new FatalError(
    `The user "${role}" lacks rights to write: as the owner of the tables run \`barline migrate --grant ${role}\`, or ` +
      statements.join("; "),
  );
}

/**
 * The version of the database's schema; 0 without one.
 *
 * @throws {Error} If it is newer than this program.
 */
export async function readVersion(client: Client, { of, schema }: Names): Promise<number> {
  const found = await client.query(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = 'barline_migration') AS found`,
    [schema],
  );
  if (!found.rows[0].found) return 0;
  const { rows } = await client.query(
    `SELECT coalesce(max(m.version), 0)::int AS version FROM ${of("barline_migration")} m`,
  );
  const version: number = rows[0].version;
  if (version > SCHEMA_VERSION) {
    throw new FatalError(
      `Cannot use a database of schema version ${version}: this program knows version ${SCHEMA_VERSION}. ` +
        "Use the newer program that migrated it",
    );
  }
  return version;
}

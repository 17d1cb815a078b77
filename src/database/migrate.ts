/**
 * Migrations: numbered SQL files, applied in order, once; and then what is missing by the description of the schema, such as
 * the tables of further kinds of records and the roll-ups of bars.
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
  { name: "deletions", sql: deletions },
  { name: "loads", sql: loads },
];

const createHistory = ({ of }: Names) =>
  `CREATE TABLE IF NOT EXISTS ${of("barline_migration")} (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** The schema's version of this program. */
export const SCHEMA_VERSION = migrations.length;

const schemaStep = ({ quotedSchema }: Names): Step => ({
  name: `schema ${quotedSchema}`,
  statements: [`CREATE SCHEMA IF NOT EXISTS ${quotedSchema}`],
});

/** SQLSTATEs of a schema or a table that another process has just made. */
const JUST_MADE = new Set(["23505", "42P06", "42P07"]);

/** Most rounds of planning: what migrations make lets the comparison find what is still missing. */
const ROUNDS = 3;

/**
 * Brings the schema to {@linkcode SCHEMA_VERSION} and makes what is missing of it, all or nothing. Returns the names of what
 * was done.
 *
 * Processes that start at once wait for each other: the steps run in one transaction under a lock, which a pooler in
 * transaction mode keeps whole too. A schema that is up to date is only read, so that a user without the right to create
 * tables can write bars.
 *
 * @throws {Error} If the database is newer than this program, holds relations of others, or refuses a step.
 */
export async function migrate(client: Client, names: Names): Promise<string[]> {
  while (true) {
    if ((await planMigration(client, names)).length === 0) return [];
    // Whatever the database's default: who has waited for the lock must see what the other has done meanwhile.
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
 * Makes the schema and the table of the history, whose lock orders processes. Returns the names of the steps taken;
 * `undefined` where another process was faster: who makes the same table waits until the other has committed, and is
 * refused then.
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

/** Takes all steps, and gives their names. */
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
 * What {@linkcode migrate} would do; `client` is `undefined` for a database that is not there yet.
 *
 * @throws {FatalError} If the server is too old, the database is newer than this program, holds relations of others under
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
  // What was dropped is made again first, as migrations build on it; its triggers may be made by them.
  return [
    ...others.map(({ name, create, triggers }) => ({
      name,
      statements: [...create(names), ...triggers.filter((each) => !isMade(each)).map((each) => each.create(names))],
    })),
    ...pending,
  ];
}

/** The migrations that come after a version. */
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

/** Whether a script makes a relation or a trigger of that name. */
function makes(script: string, name: string, { of }: Names): boolean {
  const made = [`TABLE ${of(name)}`, `TABLE IF NOT EXISTS ${of(name)}`, `VIEW ${of(name)}`, `TRIGGER ${name}`];
  const isMade = made.some((each) => script.includes(`CREATE ${each} `));
  return isMade || script.includes(`RENAME TO ${name};`);
}

/** Refuses a schema without Barline's history in which somebody else's relations have Barline's names. */
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
 * Checks that the schema, which is up to date, serves these uses.
 *
 * @throws {FatalError} If it does not; says what to do.
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
 * The version that the database's schema has; 0 where there is none.
 *
 * @throws {Error} If it is newer than this program knows.
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

/**
 * The sink that writes into PostgreSQL, elsewhere or embedded.
 *
 * @module
 */
import type { SynchronousCommit } from "../database/commit_risk.ts";
import { classifyDatabaseError, sqlState } from "../database/faults.ts";
import type { Database } from "../database/database.ts";
import type { LoadBook } from "../database/load_book.ts";
import type { Names } from "../database/names.ts";
import { createPool, type Pool } from "../database/pool.ts";
import type { RecordKind } from "../records/kind.ts";
import { isLogged } from "./postgres/log.ts";
import { openPostgresLane, WriteDeadlineError } from "./postgres/lane.ts";
import { createSessions } from "./postgres/session.ts";
import { createStatements, type Statements } from "./postgres/statements.ts";
import type { Sink, Writers } from "./sink.ts";

/** SQLSTATEs of a statement, and of a transaction (from PostgreSQL 17 on), that ran into its time limit. */
const TOO_SLOW = new Set(["57014", "25P04"]);

/** Options of {@linkcode openPostgresSink}. */
export interface PostgresSinkOptions {
  /** The database to write to; the caller disposes of it. */
  database: Database;
  /** Pool of the lanes' connections. @default {one connection for each lane} */
  pool?: Pool;
  kind: RecordKind;
  /** The tenant of the rows. @default {"default"} */
  tenant?: string;
  /** The writers of these series. @default {"alone"} */
  writers?: Writers;
  /** The UUID with which the process records its reads of history. @default {it records none} */
  reader?: string;
  /** The loads whose records are written. @default {no loads are recorded} */
  loads?: LoadBook;
  /** Longest time a write may take, in milliseconds. */
  deadlineMs: number;
  /** Whether the keys of bars are logged for streams. @default {true} */
  logs?: boolean;
  /** How far a commit waits for durability. @default {"on"} */
  synchronousCommit?: SynchronousCommit;
  /** Called with warnings about the database. */
  warn?: (message: string) => void;
}

/**
 * Opens the sink for one kind of records. A batch is one statement: a binary `COPY` while keys are new, else an upsert
 * of binary arrays; either way the table ends as one delivery of each record would leave it.
 */
export function openPostgresSink(options: PostgresSinkOptions): Sink {
  const { database, kind, tenant = "default", synchronousCommit = "on", deadlineMs, loads, warn } = options;
  const logs = (options.logs ?? true) && isLogged(kind);
  const pool = options.pool ?? createPool(database, Infinity);
  let statements: Statements | undefined;
  const statementsIn = (names: Names) =>
    statements ??= createStatements(kind, names, options.writers, { reader: options.reader, isLogged: logs });
  const sessionOf = createSessions({ database, kind, statementsIn, tenant, synchronousCommit, warn });
  return {
    name: "postgres",
    maxLanes: database.maxConnections,
    openLane: () => openPostgresLane({ database, pool, kind, tenant, sessionOf, deadlineMs, loads, logs, warn }),
    // A missing value of a column that no record has is missing from all records.
    classify: (error) => isForeignColumn(error, kind) ? "fatal" : classifyDatabaseError(error),
    causeOf: (error) => causeOf(error, kind),
    // Cancelled by a time limit, or by an operator; repeating the same for ever helps in neither case.
    isTooSlow: (error) => error instanceof WriteDeadlineError || TOO_SLOW.has(sqlState(error) ?? ""),
    check: database.check,
    async [Symbol.asyncDispose]() {},
  };
}

/** Whether a row was refused because a foreign column has no value. A refusal by a trigger names no column. */
function isForeignColumn(error: unknown, { columns }: RecordKind): boolean {
  const { column } = error as { column?: string };
  if (sqlState(error) !== "23502" || column === undefined) return false;
  return column !== "series_id" && !columns.some(({ name }) => name === column);
}

/** Classes of refusals by a constraint, a view's check, and a function. */
const BLAMING = ["23", "44", "P0"];

/**
 * The cause of an error outside the kind's own columns: a constraint, a trigger, or an optional column. A missing value
 * of a required column is the record's fault.
 */
function causeOf(error: unknown, { columns }: RecordKind): string | undefined {
  const state = sqlState(error);
  if (state === undefined || !BLAMING.includes(state.slice(0, 2))) return undefined;
  const { table, constraint, column, where } = error as Partial<Record<string, string>>;
  if (state === "23502" && columns.some(({ name, optional }) => name === column && !optional)) return undefined;
  return [state, table, constraint ?? column ?? where].join(" ");
}

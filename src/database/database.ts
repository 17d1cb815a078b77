/**
 * The interface of a database for the rest of the program. A PostgreSQL server and the embedded database differ only in
 * its implementation.
 *
 * @module
 */
import type { Client, QueryConfig } from "pg";
import { TransientError } from "./faults.ts";
import type { Names } from "./names.ts";
import type { FindNames } from "./naming.ts";

/** A database to connect to. */
export interface Database extends AsyncDisposable {
  /** Address for people, without secrets. */
  readonly label: string;
  /** Most connections that can work at once. */
  readonly maxConnections: number;
  /**
   * Longest run of a statement, in milliseconds, which each connection sets for its session. Absent without a limit, or
   * if other clients cannot share a session.
   */
  readonly statementTimeoutMs?: number;
  /** Finds the names of the tables for a connection: the same for all connections. */
  readonly names: FindNames;
  /** Whether binary COPY works. */
  readonly supportsCopy: boolean;
  /**
   * Opens a connection; host names are asked again each time. The caller ends it. When `signal` aborts, the connection
   * is cut, even while it is opened: a server that hangs would never answer a farewell. Each of its statements has a
   * time limit, on the server and, a little later, here; see {@linkcode queryWithin}.
   *
   * @throws {Error} If it cannot be opened in time; a server's refusal keeps its SQLSTATE in `code`.
   */
  connect(signal?: AbortSignal): Promise<Client>;
  /** Longest time for answers about the server itself, in milliseconds. @default {60_000} */
  readonly answerMs?: number;
  /**
   * Resolves when the database answers. May be called at any time, also while {@linkcode Database.maxConnections} are
   * in use; aborts with `signal`.
   *
   * @throws {Error} If it does not answer.
   */
  check(signal?: AbortSignal): Promise<void>;
  /**
   * Ends the statement that a connection runs; the connection may be lost. Without it, closing the connection does that.
   *
   * @throws {Error} If the database does not answer.
   */
  cancel?(client: Client): Promise<void>;
  /** Copies of the files, for readers of a database without a server: only the embedded one has them. */
  readonly snapshots?: SnapshotSource;
  /** Whether the database can only be read, and another process has the schema. @default {false} */
  readonly isReadOnly?: boolean;
  /**
   * Runs `fn` when it may talk to the database: at once, or, if connections would disturb each other, after earlier
   * calls. Calls must not be nested. When `signal` aborts, it stops waiting.
   */
  turn<T>(fn: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Takes copies of the files of a database, one after the other, in one place. */
export interface SnapshotSource {
  /** Directory of the copy. */
  readonly target: string;
  /** File in which a reader that has the copy open logs its own changes to it. */
  readonly log: string;
  /** Directory for the socket at which readers connect, accessible to its owner alone. */
  readonly door: string;
  /** Brings the copy up to date between two writes. If the database has changed, calls `close` first. */
  take(close: () => void, signal: AbortSignal): Promise<Snapshot>;
  /** Removes the copy. */
  forget(): Promise<void>;
}

/** The result of a snapshot. */
export interface Snapshot {
  /** Whether the database was written to since the snapshot before. */
  readonly isNew: boolean;
  /** Bytes copied. */
  readonly bytes: number;
  /** How long writers had to wait, in milliseconds. */
  readonly pausedMs: number;
}

/** Longest time for an answer about the server itself, in milliseconds: a busy server takes many seconds. */
export const ANSWER_MS = 60_000;

/** A signal that aborts with `signal`, or after the time. */
export function withinMs(ms: number, signal?: AbortSignal): AbortSignal {
  return AbortSignal.any([AbortSignal.timeout(ms), ...signal === undefined ? [] : [signal]]);
}

/**
 * Waits for its turn, connects, runs `fn`, and ends the connection; cuts it when `signal` aborts. Each statement has a
 * time limit of its own, see {@linkcode Database.connect}.
 *
 * @throws {TransientError} If `signal` aborts by a timeout.
 */
export async function withClient<T>(
  database: Database,
  fn: (client: Client, names: Names) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await database.turn(async () => {
      const client = await database.connect(signal);
      try {
        return await fn(client, await database.names(client));
      } finally {
        await endClient(client);
      }
    }, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
    const { reason } = signal;
    if (!(reason instanceof DOMException && reason.name === "TimeoutError")) throw reason;
    throw Object.assign(
      new TransientError(`Cannot get an answer from ${database.label} in time`, { cause: error }),
      { code: "ETIMEDOUT" },
    );
  }
}

/**
 * Opens a connection that only reads: in UTC, with the schema as its `search_path`, and at most `timeoutMs` for a statement.
 * The caller ends it; `signal` cuts it.
 */
export async function connectToRead(
  database: Database,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<{ client: Client; names: Names }> {
  const client = await database.connect(signal);
  try {
    const names = await database.names(client);
    await client.query(`SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET statement_timeout = ${Math.trunc(timeoutMs)}`);
    // A server notices within a second that the client has gone, where its system lets it.
    await client.query("SET client_connection_check_interval = '1s'").catch(() => {});
    if (database.snapshots !== undefined) await client.query("SET temp_file_limit = '1GB'");
    await client.query(`SET search_path = ${names.quotedSchema}; SET default_transaction_read_only = on`);
    return { client, names };
  } catch (error) {
    cutClient(client);
    throw error;
  }
}

/** Runs a statement that may take longer than the connection's limit allows; `ms` replaces that limit. */
export async function queryWithin(client: Client, text: string, ms?: number): Promise<void> {
  const config: QueryConfig & { query_timeout?: number } = { text, query_timeout: ms };
  await client.query(config);
}

/** Longest wait for a server to answer a farewell, in milliseconds. */
const FAREWELL_MS = 1000;

/** Ends a connection; cuts it if the server hangs and does not answer the farewell. */
export async function endClient(client: Client): Promise<void> {
  const timer = setTimeout(() => cutClient(client), FAREWELL_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** Closes the socket at once, without a farewell that a hung server would never read. */
export function cutClient(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

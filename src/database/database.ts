/**
 * What a database is to the rest: something to connect to. PostgreSQL elsewhere and the embedded one differ only here.
 *
 * @module
 */
import type { Client, QueryConfig } from "pg";
import { TransientError } from "./faults.ts";
import type { Names } from "./names.ts";
import type { FindNames } from "./naming.ts";

/** A database that can be connected to. */
export interface Database extends AsyncDisposable {
  /** Address for people, without secrets. */
  readonly label: string;
  /** Most connections that can work at once. */
  readonly maxConnections: number;
  /**
   * Longest run of a statement, in milliseconds, which each connection sets for its session. Absent where there is none,
   * or where no session can be shared by others.
   */
  readonly statementTimeoutMs?: number;
  /** Finds the names of the tables for a connection: the same for all connections. */
  readonly names: FindNames;
  /** Whether it takes binary COPY. */
  readonly supportsCopy: boolean;
  /**
   * Opens a connection; host names are asked again each time. The caller ends it. When `signal` aborts, the connection is
   * cut, whether it is there yet or not: a server that hangs would never answer a farewell. Each of its statements has a
   * time limit, on the server and, a little later, here; see {@linkcode queryWithin}.
   *
   * @throws {Error} If it cannot be opened in time; a server's refusal keeps its SQLSTATE in `code`.
   */
  connect(signal?: AbortSignal): Promise<Client>;
  /** Longest time that it may take to describe itself, in milliseconds. @default {60_000} */
  readonly answerMs?: number;
  /**
   * Resolves when the database answers. May be called at any time, also while {@linkcode Database.maxConnections} are
   * in use; ends when `signal` aborts.
   *
   * @throws {Error} If it does not.
   */
  check(signal?: AbortSignal): Promise<void>;
  /** Copies of its files, which readers have in place of a server; of the embedded database alone. */
  readonly snapshots?: SnapshotSource;
  /** Whether it can only be read, and its schema is another process's. @default {false} */
  readonly isReadOnly?: boolean;
  /**
   * Runs `fn` when it may talk to the database: at once, or where connections would get in each other's way, after those
   * that came before. Not to be nested. When `signal` aborts, nobody waits any more.
   */
  turn<T>(fn: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Takes copies of the files of a database, one after the other in one place. */
export interface SnapshotSource {
  /** Directory of the copy. */
  readonly target: string;
  /** File in which who has the copy open says what he changes in it. */
  readonly log: string;
  /** Directory for the socket at which readers come in, for its owner alone. */
  readonly door: string;
  /** Brings the copy up to date between two writes. Where something has changed, calls `close` first. */
  take(close: () => void, signal: AbortSignal): Promise<Snapshot>;
  /** Removes the copy. */
  forget(): Promise<void>;
}

/** How a snapshot was taken. */
export interface Snapshot {
  /** Whether anything was written since the one before. */
  readonly isNew: boolean;
  /** How much was copied. */
  readonly bytes: number;
  /** How long writers had to wait, in milliseconds. */
  readonly pausedMs: number;
}

/** Longest time that a server may take to tell something about itself, in milliseconds: a busy one takes many seconds. */
export const ANSWER_MS = 60_000;

/** A signal that aborts with `signal`, and after that time. */
export function withinMs(ms: number, signal?: AbortSignal): AbortSignal {
  return AbortSignal.any([AbortSignal.timeout(ms), ...signal === undefined ? [] : [signal]]);
}

/**
 * Waits for its turn, connects, runs `fn`, and ends the connection; cuts it when `signal` aborts. Each statement has a time
 * limit of its own, see {@linkcode Database.connect}.
 *
 * @throws {TransientError} If `signal` aborts because its time is over.
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

/** Runs a statement that may take longer than others, in milliseconds: the limit of the connection is set aside. */
export async function queryWithin(client: Client, text: string, ms?: number): Promise<void> {
  const config: QueryConfig & { query_timeout?: number } = { text, query_timeout: ms };
  await client.query(config);
}

/** Longest wait for a server to take note of a farewell, in milliseconds. */
const FAREWELL_MS = 1000;

/** Ends a connection; cuts it where the server hangs and takes no farewell. */
export async function endClient(client: Client): Promise<void> {
  const timer = setTimeout(() => cutClient(client), FAREWELL_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** Closes the socket at once, without a farewell that a hung server would never read. */
export function cutClient(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

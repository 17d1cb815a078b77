/**
 * Bringing the schema up to date at the first connection that can be had, which may come long after the start.
 *
 * @module
 */
import { abortable } from "@std/async/abortable";
import type { Database } from "./database.ts";
import { classifyDatabaseError } from "./faults.ts";
import { prepareDatabase } from "./migrate.ts";
import type { Uses } from "./schema/rights.ts";

/** Options of {@linkcode openPrepared}. */
export interface PrepareOptions {
  /** Does what is optional, once the schema is there; ends when `signal` aborts. */
  settle: (database: Database, signal: AbortSignal) => Promise<unknown>;
  /** Hears why the database is not there, and says whether that may be waited for. */
  mayWait: (error: Error) => boolean;
  /** See {@linkcode PrepareDatabaseOptions}, as the next two. */
  answerMs?: number;
  uses?: Uses;
  warn?: (message: string) => void;
}

/** One try to prepare the database, for all who wait for it. */
interface Attempt {
  readonly done: Promise<void>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Prepares the database now or, where it is away and that may be waited for, before its first connection. Those who ask
 * for a connection meanwhile share one try, which ends when the last of them has given up.
 *
 * @throws {Error} If it cannot be prepared.
 */
export async function openPrepared(database: Database, options: PrepareOptions): Promise<Database> {
  const { settle, mayWait, answerMs, uses, warn } = options;
  let attempt: Attempt | undefined;
  let isPrepared = false;

  async function prepareAll(signal: AbortSignal): Promise<void> {
    await prepareDatabase(database, { signal, answerMs, uses, warn });
    await settle(database, signal);
    isPrepared = true;
  }

  function begin(): Attempt {
    const controller = new AbortController();
    const done = prepareAll(controller.signal);
    // Its failure is for those who wait; all of them may have gone.
    done.catch(() => {});
    return { done, controller, waiting: 0 };
  }

  async function prepare(signal?: AbortSignal): Promise<void> {
    const mine = attempt ??= begin();
    mine.waiting++;
    try {
      await (signal === undefined ? mine.done : abortable(mine.done, signal));
    } finally {
      mine.waiting--;
      if (mine.waiting === 0) {
        attempt = undefined;
        mine.controller.abort();
      }
    }
  }

  try {
    await prepare();
    return database;
  } catch (error) {
    const { cause } = error as Error;
    if (classifyDatabaseError(cause) !== "transient" || !mayWait(cause as Error)) throw error;
  }
  return {
    ...database,
    async connect(signal) {
      try {
        if (!isPrepared) await prepare(signal);
      } catch (error) {
        signal?.throwIfAborted();
        // The database's own error says what it means.
        throw (error as Error).cause;
      }
      return await database.connect(signal);
    },
  };
}

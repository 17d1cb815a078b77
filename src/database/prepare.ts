/**
 * Brings the schema up to date at the first successful connection, which may come long after the start.
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
  /** Does the optional part once the schema is up to date; aborts with `signal`. */
  settle: (database: Database, signal: AbortSignal) => Promise<unknown>;
  /** Called with the reason why the database cannot be reached; returns whether waiting is allowed. */
  mayWait: (error: Error) => boolean;
  /** See {@linkcode PrepareDatabaseOptions}, also for the next two. */
  answerMs?: number;
  uses?: Uses;
  warn?: (message: string) => void;
}

/** One attempt to prepare the database, shared by all who wait for it. */
interface Attempt {
  readonly done: Promise<void>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Prepares the database now or, if it cannot be reached and waiting is allowed, before its first connection. Callers
 * that ask for a connection meanwhile share one attempt, which ends when the last of them gives up.
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
    // Its failure is for the callers that wait; all of them may have left.
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
        // The database's own error, which can be classified.
        throw (error as Error).cause;
      }
      return await database.connect(signal);
    },
  };
}

/**
 * Coverage over the connections that a tenant's lanes use too.
 *
 * @module
 */
import type { Client } from "pg";
import { onAbort } from "../abort.ts";
import type { CoverageStore } from "../coverage/store.ts";
import { keepCoverageInDatabase } from "../database/coverage.ts";
import type { Database } from "../database/database.ts";
import type { Pool } from "../database/pool.ts";

/** What {@linkcode openTableCoverage} needs. */
export interface TableCoverageOptions {
  readonly database: Database;
  readonly pool: Pool;
  readonly tenant: string;
  readonly writer: string;
  /** Longest time that a load or save may take, in milliseconds: then its connection is cut. */
  readonly deadlineMs: number;
}

/** Opens the coverage of a tenant in the database. */
export function openTableCoverage({ database, pool, tenant, writer, deadlineMs }: TableCoverageOptions): CoverageStore {
  async function run<T>(work: (client: Client) => Promise<T>, given?: AbortSignal): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => {
      const error = new Error(`Cannot read or write coverage within ${deadlineMs} ms: the database does not answer`);
      late.abort(Object.assign(error, { code: "ETIMEDOUT" }));
    }, deadlineMs);
    const signal = given === undefined ? late.signal : AbortSignal.any([given, late.signal]);
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {});
    try {
      await using borrower = pool.enter(tenant);
      const lease = await borrower.take(signal);
      using _cut = onAbort(signal, (reason) => {
        lease.drop();
        aborted.reject(reason);
      });
      try {
        const result = await Promise.race([
          database.turn(async () => await work(await lease.connect())),
          aborted.promise,
        ]);
        lease.release();
        return result;
      } catch (error) {
        lease.drop();
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
  }
  return keepCoverageInDatabase({ tenant, writer, run });
}

/**
 * Walks through the rows of a series in steps that take the server little time, each its own transaction.
 *
 * @module
 */
import type { Client } from "pg";
import type { RecordKind } from "../records/kind.ts";
import { sqlState } from "./faults.ts";
import type { Names } from "./names.ts";
import { inTransaction } from "./transaction.ts";

/** Most rows of a series in a step. */
export const STEP_ROWS = 10_000;

/** A range of rows of a kind and series; times are PostgreSQL's text, bounds included. */
export interface RowRange {
  readonly kind: RecordKind;
  readonly seriesId: number;
  readonly first: string;
  readonly last: string;
}

/** SQLSTATEs of a transaction that lost against another one, and can be retried. */
const LOST = new Set(["40001", "40P01", "55P03"]);
/** Most attempts of a step. */
const ATTEMPTS = 5;

/**
 * The parts of a range, in order; the last ends where the range does, even without rows there. The rows of one time
 * stay in one part, as a key may have more columns than its time.
 */
export async function* stepsOf(client: Client, { of }: Names, range: RowRange): AsyncGenerator<RowRange> {
  const { kind: { table }, seriesId, last } = range;
  for (let first = range.first, isFirst = true;; isFirst = false) {
    const after = isFirst ? ">=" : ">";
    const { rows: [{ count, end }] } = await client.query(
      `SELECT count(*)::int, max(w.ts)::text AS end FROM (
  SELECT r.ts FROM ${
        of(table)
      } r WHERE r.series_id = $1 AND r.ts ${after} $2 AND r.ts <= $3 ORDER BY r.ts LIMIT ${STEP_ROWS}
) AS w`,
      [seriesId, first, last],
    );
    // Nothing lies between this part and the one before.
    if (count < STEP_ROWS || end === last) return yield { ...range, first };
    yield { ...range, first, last: end };
    first = end;
  }
}

/** Runs `fn` in a transaction, and retries it if it lost against another one. */
export async function inStep<T>(client: Client, fn: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await inTransaction(client, async () => {
        // The limit guards against careless statements, and a step is bounded. Without statistics, as after a load, the
        // planner would take thousands of rows for one, and look up each among all others.
        await client.query(`SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true),
  set_config('extra_float_digits', '1', true), set_config('enable_nestloop', 'off', true)`);
        return await fn();
      });
    } catch (error) {
      if (attempt >= ATTEMPTS || !LOST.has(sqlState(error) ?? "")) throw error;
    }
  }
}

/** The rows of a step; the first parameters of a statement are its series and bounds. */
export const isIn = (row: string): string => `${row}.series_id = $1 AND ${row}.ts >= $2 AND ${row}.ts <= $3`;
/** The parameters of {@linkcode isIn}. */
export const parametersOf = ({ seriesId, first, last }: RowRange): unknown[] => [seriesId, first, last];

/**
 * Digests of rows, computed by the database, that do not depend on their order.
 *
 * @module
 */

/** Count and digest of rows. */
export interface RowDigest {
  readonly count: number;
  readonly digest: string;
}

/**
 * The columns of a query for a {@linkcode RowDigest}; `row` is an expression of SQL for one row. The texts of values, and so
 * the digest, depend on settings of the session: `TimeZone`, `DateStyle`, `extra_float_digits`.
 */
export const digestColumns = (row: string): string =>
  `count(*)::int AS count, coalesce(bit_xor(hashtextextended(${row}::text, 0)), 0)::text AS digest`;

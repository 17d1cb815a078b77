/**
 * A choice of rows.
 *
 * @module
 */

/** Rows of series from `first` on and before `end`, as ISO 8601. */
export interface RowChoice {
  readonly ids: readonly number[];
  readonly first: string;
  readonly end: string;
}

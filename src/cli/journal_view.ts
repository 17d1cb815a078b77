/**
 * The journals for the subcommands of `barline journal`.
 *
 * @module
 */

/** The journals of all kinds. */
export interface JournalView {
  /** The directory of all journals. */
  readonly directory: string;
  readonly journals: readonly KindJournal[];
  readonly json: boolean;
}

/** The journal of one kind of records. */
export interface KindJournal {
  readonly directory: string;
  /** Number of the first unsettled entry. */
  readonly next: number;
  /** Paths of the segments, oldest first. */
  readonly segments: readonly string[];
}

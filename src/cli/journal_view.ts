/**
 * The journals that a subcommand of `barline journal` looks at.
 *
 * @module
 */

/** The journals of all kinds. */
export interface JournalView {
  /** The directory that all lie in. */
  readonly directory: string;
  readonly journals: readonly KindJournal[];
  readonly json: boolean;
}

/** The journal of one kind of records. */
export interface KindJournal {
  readonly directory: string;
  /** Number of the first entry that is not settled. */
  readonly next: number;
  /** Paths of the segments, oldest first. */
  readonly segments: readonly string[];
}

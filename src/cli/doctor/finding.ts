/** One thing that `barline doctor` looked at. @module */

/** See the module's description. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** The finding or, where it is not `ok`, the fault and its remedy. */
  readonly detail: string;
}

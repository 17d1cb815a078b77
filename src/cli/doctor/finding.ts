/** One finding of `barline doctor`. @module */

/** See the module's description. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** The finding or, if it is not `ok`, the fault and its remedy. */
  readonly detail: string;
}

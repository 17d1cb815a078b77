/**
 * The version of this program, and when it was released.
 *
 * @module
 */
import manifest from "../deno.json" with { type: "json" };

/** As in `deno.json`. */
export const VERSION: string = manifest.version;

/** A time before this version was released, in epoch milliseconds: a clock that shows less is not set. */
export const RELEASED_AT = Date.UTC(2025, 0, 1);

/**
 * The rights that a role needs to write records, on each relation, and advice about a missing one.
 *
 * @module
 */
import { functions, relationOf } from "./description.ts";

const READ = ["SELECT"];
const ADD = ["SELECT", "INSERT"];
const WRITE = [...ADD, "UPDATE"];
const CHANGE = [...WRITE, "DELETE"];

/** Tables that only migrations write. */
const FIXED = new Set(["barline_migration", "barline_destination"]);
/** Tables whose rows are also deleted. */
const PASSING = new Set([
  ...["cluster_instance", "cluster_lease", "series_coverage", "series_doubt", "history_read"],
  ...["load", "load_time", "load_series", "load_replaced", "stream_log", "stream_trim"],
]);
/** Series are added and never changed; the table also through its view. */
const SERIES = new Set(["series", "series_key"]);
/** Tables that only functions of the schema write. */
const INTERNAL = new Set(["bar_deletion", "bar_part"]);

/** The rights that a writing role needs on a relation; empty if it needs none. */
export function rightsOn(name: string): readonly string[] {
  if (INTERNAL.has(name)) return [];
  if (FIXED.has(name)) return READ;
  if (PASSING.has(name)) return CHANGE;
  if (SERIES.has(name)) return ADD;
  return relationOf(name)?.kind === "table" ? WRITE : READ;
}

const GRANT_ALL = "As the owner run `barline migrate --grant ROLE` for the user.";

/** The function of the server that refuses rows by a policy or by the check of a view. */
const POLICY_CHECK = "ExecWithCheckOptions";

/**
 * Advice about a missing right (42501), from the server's message and the function that refuses; `undefined` if it does
 * not concern a relation of Barline.
 */
export function adviseOnRight(message: string, routine?: string): string | undefined {
  if (routine === POLICY_CHECK) return "Make a policy that lets the user write the table, or ALTER ROLE … BYPASSRLS.";
  // A statement for owners only cannot be allowed by a right.
  if (message.startsWith("must be owner")) return undefined;
  // The message may be in any language, but has the relation's name.
  const words = message.match(/[a-z0-9_]+/g) ?? [];
  if (words.some((word) => functions.some(({ name }) => name === word))) return GRANT_ALL;
  const name = words.findLast((word) => relationOf(word) !== undefined);
  if (name === undefined) return undefined;
  if (FIXED.has(name)) return "As the owner run `barline migrate`, then `barline migrate --grant ROLE` for the user.";
  return `As the owner run \`barline migrate --grant ROLE\`, or GRANT ${
    rightsOn(name).join(", ")
  } ON ${name} TO the user.`;
}

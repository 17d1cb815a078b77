/**
 * The rights of a role that writes records, on each relation, and the advice where one is missing.
 *
 * @module
 */
import { functions, relationOf } from "./description.ts";

const READ = ["SELECT"];
const ADD = ["SELECT", "INSERT"];
const WRITE = [...ADD, "UPDATE"];
const CHANGE = [...WRITE, "DELETE"];

/** Tables that are read, but written by migrations alone. */
const FIXED = new Set(["barline_migration", "barline_destination"]);
/** Tables whose rows come and go. */
const PASSING = new Set([
  ...["cluster_instance", "cluster_lease", "series_coverage", "series_doubt"],
  ...["load", "load_time", "load_series", "load_replaced"],
]);
/** Series are added and never changed, the table also through its view. */
const SERIES = new Set(["series", "series_key"]);
/** Written by functions of the schema alone. */
const INTERNAL = new Set(["bar_deletion", "bar_part"]);

/** The rights that a role which writes needs on a relation; empty where it needs none. */
export function rightsOn(name: string): readonly string[] {
  if (INTERNAL.has(name)) return [];
  if (FIXED.has(name)) return READ;
  if (PASSING.has(name)) return CHANGE;
  if (SERIES.has(name)) return ADD;
  return relationOf(name)?.kind === "table" ? WRITE : READ;
}

const GRANT_ALL = "As the owner run `barline migrate --grant ROLE` for the user.";

/** The function of the server that finds rows which a policy or the check of a view forbids. */
const POLICY_CHECK = "ExecWithCheckOptions";

/**
 * What to do about a refusal for a missing right (42501), from the server's message and the function that refuses;
 * `undefined` where it is about nothing of Barline's.
 */
export function adviseOnRight(message: string, routine?: string): string | undefined {
  if (routine === POLICY_CHECK) return "Make a policy that lets the user write the table, or ALTER ROLE … BYPASSRLS.";
  // Who must own something needs no right on it.
  if (message.startsWith("must be owner")) return undefined;
  // The server writes in the language of its settings, and names things in any.
  const words = message.match(/[a-z0-9_]+/g) ?? [];
  if (words.some((word) => functions.some(({ name }) => name === word))) return GRANT_ALL;
  const name = words.findLast((word) => relationOf(word) !== undefined);
  if (name === undefined) return undefined;
  if (FIXED.has(name)) return "As the owner run `barline migrate`, then `barline migrate --grant ROLE` for the user.";
  return `As the owner run \`barline migrate --grant ROLE\`, or GRANT ${
    rightsOn(name).join(", ")
  } ON ${name} TO the user.`;
}

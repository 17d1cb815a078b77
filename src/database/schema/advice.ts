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
const PASSING = new Set(["cluster_instance", "cluster_lease", "series_coverage", "series_doubt"]);
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

/**
 * What to do about a refusal for a missing right (42501), from the server's message; `undefined` where it is about nothing
 * of Barline's.
 */
export function adviseOnRight(message: string): string | undefined {
  const routine = /permission denied for function "?([a-z0-9_]+)"?/.exec(message)?.[1];
  if (functions.some(({ name }) => name === routine)) return GRANT_ALL;
  const name = /permission denied for (?:table|view|relation) "?([a-z0-9_]+)"?/.exec(message)?.[1];
  if (name === undefined || relationOf(name) === undefined) return undefined;
  if (FIXED.has(name)) return "As the owner run `barline migrate`, then `barline migrate --grant ROLE` for the user.";
  return `As the owner run \`barline migrate --grant ROLE\`, or GRANT ${
    rightsOn(name).join(", ")
  } ON ${name} TO the user.`;
}

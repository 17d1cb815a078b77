/**
 * The schema of this version: every table and view with its columns, keys and triggers, and the statements that make it.
 *
 * What numbered migrations make is in `schema.json`, which `deno task describe` reads from a database that they have made;
 * kinds of records and roll-ups of bars describe their own. `migrate` makes what is missing; a start and `doctor` compare
 * databases with it.
 *
 * @module
 */
import { kindRelations } from "../kinds.ts";
import { rollupRelations } from "../timescale/rollups.ts";
import type { Relation, TriggerFunction } from "./relation.ts";
import migrated from "./schema.json" with { type: "json" };

/** Stands in statements for the schema that the tables are in. */
export const SCHEMA_PLACEHOLDER = "@schema@";

/** Relations that no migration makes. */
export const furtherRelations: readonly Relation[] = [...kindRelations(), ...rollupRelations()];

/** All relations, each after those that it is made of. */
export const relations: readonly Relation[] = [
  ...migrated.relations as readonly Relation[],
  ...furtherRelations,
];

/** All functions of triggers. */
export const functions: readonly TriggerFunction[] = migrated.functions;

/** The relation of that name. */
export function relationOf(name: string): Relation | undefined {
  return relations.find((relation) => relation.name === name);
}

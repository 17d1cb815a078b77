/**
 * The schema of this version: every table and view with its columns, keys and triggers, and the statements that create
 * it.
 *
 * `schema.json` describes the result of the numbered migrations; `deno task describe` reads it from a database that
 * they have created. Kinds of records and roll-ups of bars describe their own relations. `migrate` creates the missing
 * parts; a start and `doctor` compare databases with it.
 *
 * @module
 */
import { kindRelations } from "../kinds.ts";
import type { Names } from "../names.ts";
import { rollupRelations } from "../timescale/rollups.ts";
import type { Relation, TriggerFunction } from "./relation.ts";
import migrated from "./schema.json" with { type: "json" };

/** A statement in `schema.json`: every second part is a name in the schema. */
export type Template = readonly string[];

/** The statement in a schema. */
const write = (template: Template, { of }: Names): string =>
  template.map((part, at) => at % 2 === 0 ? part : of(part)).join("");

const withStatement = ({ name, create }: { readonly name: string; readonly create: Template }): TriggerFunction => ({
  name,
  create: (names) => write(create, names),
});

/** Relations that no migration creates. */
export const furtherRelations: readonly Relation[] = [...kindRelations(), ...rollupRelations()];

/** All relations, each after those that it depends on. */
export const relations: readonly Relation[] = [
  ...migrated.relations.map(({ create, triggers, kind, ...described }): Relation => ({
    ...described,
    kind: kind as Relation["kind"],
    triggers: triggers.map(withStatement),
    create: (names) => create.map((template) => write(template, names)),
  })),
  ...furtherRelations,
];

/** All trigger functions. */
export const functions: readonly TriggerFunction[] = migrated.functions.map(withStatement);

/** The relation with the name. */
export function relationOf(name: string): Relation | undefined {
  return relations.find((relation) => relation.name === name);
}

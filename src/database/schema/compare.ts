/**
 * Compares a database with the description of the schema, and plans the repair.
 *
 * @module
 */
import { FatalError } from "../faults.ts";
import type { Step } from "../step.ts";
import { identifier, type Names } from "../names.ts";
import { functions, relations } from "./description.ts";
import type { FoundRelation, FoundSchema } from "./inspect.ts";
import type { Relation } from "./relation.ts";

/** A difference that `migrate` does not mend. */
export interface Difference {
  /** A sentence with the present and the expected state, and what to do. */
  readonly message: string;
  /** Whether it makes every write fail. */
  readonly isFatal: boolean;
}

/** The result of a comparison. */
export interface Comparison {
  /** The steps that create the missing parts, in order. */
  readonly steps: readonly Step[];
  readonly differences: readonly Difference[];
}

/** The missing relations. */
export function findMissing({ relations: there }: FoundSchema): Relation[] {
  return relations.filter(({ name }) => !there.has(name));
}

/**
 * Refuses a schema that no record could be written to.
 *
 * @throws {FatalError} If a difference is fatal; the message says what to do.
 */
export function refuseFatal({ differences }: Comparison): void {
  const fatal = differences.filter(({ isFatal }) => isFatal);
  if (fatal.length > 0) throw new FatalError(fatal.map(({ message }) => message).join(". "));
}

/** Compares a database with the description of the schema. */
export function compareSchema(found: FoundSchema): Comparison {
  const steps: Step[] = [];
  const differences: Difference[] = [];
  const { names } = found;
  const missing = functions.filter(({ name }) => !found.functions.has(name));
  if (missing.length > 0) {
    steps.push({ name: "trigger-functions", statements: missing.map(({ create }) => create(names)) });
  }
  for (const relation of relations) {
    const there = found.relations.get(relation.name);
    if (there === undefined) {
      steps.push({ name: relation.name, statements: [...relation.create(names), ...triggersOf(relation, [], names)] });
    } else if (!isOfKind(relation, there)) {
      differences.push({ isFatal: true, message: explainKind(names, relation, there) });
    } else if (relation.kind === "view") {
      if (!hasColumns(relation, there)) steps.push(replaceView(relation, names));
    } else {
      const lost = triggersOf(relation, there.triggers, names, there.kind === "partitioned table");
      if (lost.length > 0) steps.push({ name: `triggers of ${relation.name}`, statements: lost });
      differences.push(...compareTable(relation, there, names));
    }
  }
  return { steps, differences };
}

/**
 * Records each deleted bar, also for statements that name a partition: only row triggers apply to partitions. The end
 * of the statement processes the recorded bars.
 */
const notePartitions = ({ of }: Names) => [
  `DROP TRIGGER IF EXISTS bars_deleted ON ${of("bar")}`,
  `CREATE TRIGGER bar_deleted AFTER DELETE ON ${of("bar")} FOR EACH ROW EXECUTE FUNCTION ${of("bar_deleted")}()`,
  `CREATE TRIGGER bars_deleted AFTER DELETE ON ${of("bar")} FOR EACH STATEMENT
EXECUTE FUNCTION ${of("noted_bars_deleted")}()`,
];

/** The statements that create the missing triggers of a relation. */
function triggersOf(
  { name, triggers }: Pick<Relation, "name" | "triggers">,
  there: readonly string[],
  names: Names,
  isPartitioned = false,
): string[] {
  if (name === "bar" && isPartitioned && !there.includes("bar_deleted")) {
    return [...triggersOf({ name, triggers }, [...there, "bars_deleted"], names), ...notePartitions(names)];
  }
  return triggers.filter(({ name }) => !there.includes(name)).map(({ create }) => create(names));
}

function isOfKind({ kind }: Relation, there: FoundRelation): boolean {
  return kind === there.kind || kind === "table" && there.kind === "partitioned table";
}

function explainKind({ schema }: Names, { name, kind }: Relation, there: FoundRelation): string {
  return `Cannot use the ${there.kind} "${name}" in the schema "${schema}", which belongs to role "${there.owner}" and is ` +
    `not Barline's: expected a ${kind}. Rename it, or use --schema NAME`;
}

/** Whether a view has all columns; it may have others. Their types are those of the tables. */
function hasColumns({ columns }: Relation, there: FoundRelation): boolean {
  return columns.every(({ name }) => there.columns.some((column) => column.name === name));
}

/** Columns of a view cannot be changed in place. */
function replaceView({ name, create }: Relation, names: Names): Step {
  return { name, statements: [`DROP VIEW ${names.of(name)}`, ...create(names)] };
}

function compareTable({ name, columns, keys }: Relation, there: FoundRelation, { of }: Names): Difference[] {
  const table = of(name);
  const differences: Difference[] = [];
  const differ = (isFatal: boolean, message: string) => void differences.push({ isFatal, message });
  if (there.isUnlogged) {
    differ(
      false,
      `Table "${name}", or a partition of it, is UNLOGGED: a crash of the server empties it, and standbys lack it. ` +
        `Run ALTER TABLE ${table} SET LOGGED`,
    );
  }
  for (const rule of there.rules) {
    differ(
      true,
      `Table "${name}" has the rule "${rule}" on INSERT or UPDATE, with which no row can be written. ` +
        `Run DROP RULE ${identifier(rule)} ON ${table}, or use a trigger`,
    );
  }
  for (const { name: column, type } of columns) {
    const found = there.columns.find((each) => each.name === column);
    if (found === undefined) {
      differ(true, `Table "${name}" has no column "${column}". Run ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
    } else if (found.type !== type) {
      differ(
        false,
        `Column "${column}" of "${name}" is of the type ${found.type}, expected ${type}: writes are slower, or fail. ` +
          `Run ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type}`,
      );
    }
  }
  for (const { name: column, required } of there.columns) {
    if (!required || columns.some((each) => each.name === column)) continue;
    differ(
      true,
      `Column "${column}" of "${name}" is not Barline's, must not be null and has no default: no row can be added. ` +
        `Run ALTER TABLE ${table} ALTER COLUMN ${column} DROP NOT NULL, or give it a default`,
    );
  }
  for (const key of keys) {
    if (there.keys.some((each) => each.join() === key.join())) continue;
    differ(
      true,
      `Table "${name}" has no unique key of ${key.join(", ")} that is checked at once. ` +
        `Run ALTER TABLE ${table} ADD UNIQUE (${key.join(", ")}); a key that is DEFERRABLE does not do`,
    );
  }
  return differences;
}

/**
 * Reads the description of the schema from a database that the migrations have made; `deno task describe` writes it.
 *
 * @module
 */
import type { Client } from "pg";
import { withClient } from "../../src/database/database.ts";
import { migrationSteps } from "../../src/database/migrate.ts";
import { inspectSchema } from "../../src/database/schema/inspect.ts";
import type { Names } from "../../src/database/names.ts";
import type { Template } from "../../src/database/schema/description.ts";
import type { Relation } from "../../src/database/schema/relation.ts";
import { runStep } from "../../src/database/step.ts";
import { startPostgres } from "./postgres.ts";
import { databaseAt } from "./server_tests.ts";

/** All relations of the current schema in the order of their making, but partitions and what belongs to others. */
const NAMES = `SELECT c.relname AS name, c.oid, c.relkind AS kind, obj_description(c.oid, 'pg_class') AS comment,
  coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') AS options
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') ORDER BY c.relkind = 'v', c.oid`;

const COLUMNS = `SELECT format('  %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
  || CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END
  || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
  || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS declared,
  a.attname AS name, col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

const CONSTRAINTS = `SELECT format('  CONSTRAINT %I %s', conname, pg_get_constraintdef(oid, true)) AS declared
FROM pg_constraint WHERE conrelid = $1 AND contype IN ('p', 'u', 'c') ORDER BY contype DESC, conname`;

const TRIGGERS = `SELECT tgname AS name, pg_get_triggerdef(oid, true) AS create
FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname`;

const FUNCTIONS = `SELECT p.proname AS name, pg_get_functiondef(p.oid) AS create,
  NOT has_function_privilege('public', p.oid, 'EXECUTE') AS "isPrivate"
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' ORDER BY p.proname`;

/** Something with the statement that makes it. */
interface Made {
  readonly name: string;
  readonly create: Template;
}

/** A relation as `schema.json` has it. */
export interface DescribedRelation extends Omit<Relation, "create" | "triggers"> {
  readonly triggers: readonly Made[];
  readonly create: readonly Template[];
}

/** A statement, divided where it names something in the schema. */
const divide = (statement: string): Template => statement.split(/\bpublic\.(\w+)/);

const quoteText = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Reads the description of what there is in the schema `public` of a database. */
export async function describeSchema(
  client: Client,
  names: Names,
): Promise<{ relations: DescribedRelation[]; functions: Made[] }> {
  // The server names everything with its schema that the path does not lead to.
  await client.query("BEGIN; SET LOCAL search_path = ''");
  const { rows } = await client.query(NAMES);
  const found = await inspectSchema(client, names, rows.map(({ name }) => name));
  const relations: DescribedRelation[] = [];
  for (const { name, oid, kind, comment, options } of rows) {
    const { columns, keys } = found.relations.get(name)!;
    const relation = names.of(name);
    const create = kind === "v"
      ? await createView(client, relation, oid)
      : await createTable(client, relation, oid, options);
    if (comment !== null) {
      create.push(`COMMENT ON ${kind === "v" ? "VIEW" : "TABLE"} ${relation} IS ${quoteText(comment)}`);
    }
    const { rows: triggers } = await client.query(TRIGGERS, [oid]);
    relations.push({
      name,
      kind: kind === "v" ? "view" : "table",
      columns,
      keys,
      triggers: triggers.map(withDivided),
      create: create.map(divide),
    });
  }
  const { rows: functions } = await client.query(FUNCTIONS);
  await client.query("COMMIT");
  return { relations, functions: functions.map(withRights).map(withDivided) };
}

/** A function, with the statement that takes the right to call it from everyone. */
function withRights({ name, create, isPrivate }: { name: string; create: string; isPrivate: boolean }) {
  return {
    name,
    create: isPrivate ? `${create.trim()};\nREVOKE EXECUTE ON FUNCTION public.${name}() FROM PUBLIC` : create,
  };
}

const withDivided = ({ name, create }: { name: string; create: string }): Made => ({
  name,
  create: divide(create.trim()),
});

async function createView(client: Client, name: string, oid: number): Promise<string[]> {
  const { rows: [{ query }] } = await client.query("SELECT pg_get_viewdef($1::oid, true) AS query", [oid]);
  return [`CREATE VIEW ${name} AS\n${query.trim().replace(/;$/, "")}`];
}

async function createTable(client: Client, name: string, oid: number, options: string): Promise<string[]> {
  const { rows: columns } = await client.query(COLUMNS, [oid]);
  const { rows: constraints } = await client.query(CONSTRAINTS, [oid]);
  const lines = [...columns, ...constraints].map(({ declared }) => declared);
  return [
    `CREATE TABLE ${name} (\n${lines.join(",\n")}\n)${options}`,
    ...columns.filter(({ comment }) => comment !== null)
      .map((column) => `COMMENT ON COLUMN ${name}.${column.name} IS ${quoteText(column.comment)}`),
  ];
}

if (import.meta.main) {
  await using server = await startPostgres();
  const database = databaseAt(await server.createDatabase());
  const description = await withClient(database, async (client, names) => {
    for (const step of migrationSteps(0, names)) await runStep(client, step);
    return await describeSchema(client, names);
  });
  const path = new URL("../../src/database/schema/schema.json", import.meta.url);
  await Deno.writeTextFile(path, `${JSON.stringify(description, null, 2)}\n`);
  console.log(`${description.relations.length} relations and ${description.functions.length} functions are described`);
}

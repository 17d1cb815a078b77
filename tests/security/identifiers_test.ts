import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { recordKinds } from "../../src/records/mod.ts";
import type { RecordKind } from "../../src/records/kind.ts";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { createStatements } from "../../src/sinks/postgres/statements.ts";

const SOURCE = fromFileUrl(new URL("../../src/", import.meta.url));

/** What SQL begins with; keywords are written in capitals here, words of sentences are not. */
const SQL =
  /^\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|COPY|CREATE|ALTER|DROP|TRUNCATE|GRANT|SET|CALL|WITH|DO|LOCK|EXPLAIN) /;

/** Names of the program with their schema, which `names.ts` writes, and the schema itself as it writes that. */
const NAME =
  /^(literal\()?((scratch\.|source\.)?(names|schema)\.)?(of\((["'][a-z_0-9]+["']|((step\.)?kind\.|recordKind\(kind\)\.)?table|view|name|(rollup\.)?aggregate|SERIES)\)\)?|quotedSchema)$/;

/** Pieces that functions of the program write around a constant: conditions on a row, and a time as a number. */
const PIECE = /^(isIn|ms)\("[^"]+"\)$/;

/** Statements that put something into their text, and what that is: constants of the program, or a number. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "sinks/postgres/statements.ts": [
    "table",
    "names",
    "parameters",
    "key.join",
    "key.map",
    "payload",
    "markQuery(",
    "all.length",
    "order(",
    "values(",
    "marks",
    "newRows === ",
    "RETURNING[newRows]",
    // A table and conditions of the program.
    "known",
    "reads",
  ],
  // Numbers: a limit of time, ids of series and their mark.
  "sinks/postgres/verify.ts": [
    "ids",
    "mark",
    "timeout",
    "synchronousCommit",
    "markQuery(",
    "isNewerQuery(",
    "Math.trunc(statementTimeoutMs)",
  ],
  "sinks/postgres/lane.ts": ["Math.trunc(statementTimeoutMs)"],
  "database/migrate.ts": ["version + at + 1", "name", "each"],
  "database/destination.ts": ["place("],
  // A parameter, and intervals and the UUID of the program's own making.
  "database/history_reads.ts": ["ids", "NOTED", "literal("],
  // The table of a schema of its own making.
  "chaos/trial.ts": ["bar"],
  "database/kinds.ts": ["table", "view", "name", "declared.join", "keyColumns.join", "shown.join"],
  // Names of the program, and of schema, sequence and role as `quote_ident` of the server writes them.
  "database/schema/compare.ts": ["name"],
  "database/schema/rights.ts": ["rights.join(", "name", "schema", "sequence", "role", "quotedSchema", "quoted"],
  // A random name of its own making.
  "chaos/scratch.ts": ["schema"],
  // Names of columns of the program.
  "database/coverage.ts": ["ms(", "range("],
  "database/coverage_read.ts": ["ms(", "range("],
  "gaps/known.ts": ["ms("],
  "database/postgres.ts": ["Math.trunc(statementTimeoutMs)"],
  // Names of the program and of the catalogue, roles and tenants as `identifier` and `literal` write them: grants are no
  // statements that take parameters.
  "database/readers/schemas.ts": [
    "schema",
    "name",
    "condition",
    "own",
    "SERIES",
    "identifier(",
    "literal(",
    "Array.from(conditions",
  ],
  "database/readers/policies.ts": [
    "table",
    "view",
    "readable",
    "mayWrite",
    "condition",
    "roles(",
    "isOwn",
    "identifier(",
    "after.size === 0",
  ],
  // Tables, views and expressions of the program; intervals that the schema of the options has let through, as literals.
  "database/timescale/plan.ts": [
    "bar",
    "intervalOf(",
    "literal(",
    "kind",
    "key",
    "schedule",
    "JSON.stringify(config)",
    "jobId",
    "aggregate",
    "!realTime",
    "start === undefined",
  ],
  "database/timescale/rollups.ts": [
    "start",
    "open",
    "close",
    "aggregate",
    "first",
    "count(",
    "view",
    "plain",
    "options.join(",
    "continuous",
    "index",
    "over",
  ],
  // Tables, columns and conditions of the program.
  "database/copy_loads.ts": ["columns", "after"],
  "database/copy_rows.ts": ["key", "digestColumns(", "table", "columns."],
  "database/load_prune.ts": ["isPrunable(names)"],
  "database/row_steps.ts": ["after"],
  "database/series_rows.ts": ["columns.map("],
  // Also the user's own role as `quote_ident` of the server writes it, in a statement to copy.
  "database/load_undo.ts": ["table", "kept", "others", "columns.map(", "holders.map(", "isKeptOf(", "role"],
  // Settings of a reader's session, given back to it: `quote` writes them as literals.
  "database/door/session.ts": ["list"],
  "database/door/turns.ts": ["quote("],
  "database/database.ts": ["Math.trunc(timeoutMs)"],
  "cli/query/session.ts": ["Math.trunc(timeoutMs)"],
  // Numbers of a batch, in the simple query of a COPY, and the name of a kind.
  "sinks/postgres/log.ts": [
    "literal(kind.name)",
    "series.join(",
    "times.join(",
    "steps.join(",
    "counts.join(",
    "places.join(",
  ],
  // Names of tables of the program, and the schema as a literal.
  "database/sql/grant_writers.ts": ["tables.map(", "literal(schema)"],
  // Names of columns of the program, ids of series, and times as literals: COPY takes no parameters.
  "export/rows.ts": ["selected", "ids.join(", "literal(first)", "literal(end)", "order", "one("],
  "export/read_slices.ts": ["selected", "range", "last === undefined"],
  "export/archive/chunks.ts": ["where"],
  "export/archive/digest.ts": ["digestColumns(", "rowOf("],
  // Places of parameters, and expressions of the program.
  "stream/changes.ts": ["filterSql(", "literal(of(", "ms("],
  "http/alpaca/bars.ts": ["order ==="],
  "stream/filter.ts": ["first", "\n    first"],
  "cluster/postgres_lease.ts": ["Math.round(ttlMs)", "Math.round(holdMs)"],
};

async function* sources(directory = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(SOURCE, directory))) {
    const path = join(directory, name);
    if (isDirectory) yield* sources(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

Deno.test("no statement has anything in its text but constants and numbers: values are parameters", async () => {
  let statements = 0;
  const found: string[] = [];
  for await (const path of sources()) {
    // Faults that are in the program, for a scratch schema: nothing comes in.
    if (path === "chaos/faults.ts") continue;
    const text = await Deno.readTextFile(join(SOURCE, path));
    for (const [, literal] of text.matchAll(/`((?:[^`\\]|\\.)*)`/g)) {
      if (!SQL.test(literal)) continue;
      statements++;
      for (const [, expression] of literal.matchAll(/\$\{([^}]*)/g)) {
        // A constant of the module, by the way it is written.
        if (/^[A-Z][A-Z_]*( [+/] \d+)?$/.test(expression)) continue;
        if (NAME.test(expression.trim()) || PIECE.test(expression.trim())) continue;
        const allowed = ALLOWED[path] ?? [];
        if (!allowed.some((each) => expression.trimStart().startsWith(each))) {
          found.push(`src/${path} puts "${expression}" into a statement`);
        }
      }
    }
    // Nor is one put together from pieces.
    for (const [line] of text.matchAll(/^.*\.query\(.*$/gm)) {
      assertEquals(/\.query\([^)]*["'`]\s*\+/.test(line), false, `src/${path}: ${line.trim()}`);
    }
  }
  assertEquals(found, []);
  assert(statements >= 8, `found only ${statements} statements`);
});

Deno.test("names of tables and columns are plain, and those of the kinds of records", () => {
  const identifier = /^[a-z][a-z0-9_]*$/;
  for (const kind of Object.values(recordKinds) as unknown as RecordKind[]) {
    const names = [kind.table, kind.view, ...kind.columns.map(({ name }) => name), ...kind.keyColumns];
    for (const name of names) assertMatch(name, identifier);
    const known = new Set([...names, "series_id"]);
    const { copy, upsert } = createStatements(kind, namesIn(DEFAULT_SCHEMA));
    const words =
      "insert into as old select from unnest on conflict do update set excluded where and is distinct copy " +
      "stdin format binary int4 int8 float8 timestamptz text char date jsonb with checked materialized coalesce bit_xor " +
      "hashtextextended concat_ws e n s tenant provider symbol timeframe id series_key any is_same written sent not or " +
      "in case when then else end c h f false to_timestamp interval days returning count changed " +
      "set_config synchronous_commit true synced exists barline_migration m version is_newer barline touched counting " +
      "current_setting counted inserted is_new xmax before null boolean filter public";
    for (const [word] of `${copy} ${Object.values(upsert)}`.matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)) {
      assert(known.has(word) || words.split(" ").includes(word.toLowerCase()), `"${word}" is no name of ${kind.name}`);
    }
  }
});

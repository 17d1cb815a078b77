import { assertEquals } from "@std/assert";
import { refusalOf, splitStatements } from "../../../src/database/door/statements.ts";

const texts = (sql: string) => splitStatements(sql).map(({ text }) => text.trim());

Deno.test("splitStatements() divides a text at semicolons outside of texts, names, comments and dollar quotes", () => {
  const cases: [string, string[]][] = [
    ["SELECT 1", ["SELECT 1"]],
    ["SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]],
    [" ; ;; -- nothing\n /* at ; all /* within */ ; */ ", []],
    ["SELECT ';', 'it''s;' ; SELECT 2", ["SELECT ';', 'it''s;'", "SELECT 2"]],
    ["SELECT E'\\';' AS a; SELECT 2", ["SELECT E'\\';' AS a", "SELECT 2"]],
    ["SELECT '\\'; SELECT 2", ["SELECT '\\'", "SELECT 2"]],
    ['SELECT 1 AS "a;""b"; SELECT 2', ['SELECT 1 AS "a;""b"', "SELECT 2"]],
    ["SELECT $$;$$, $tag$ ; $$ ; $tag$; SELECT 2", ["SELECT $$;$$, $tag$ ; $$ ; $tag$", "SELECT 2"]],
    ["SELECT $1; SELECT 2", ["SELECT $1", "SELECT 2"]],
    ["SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]],
  ];
  for (const [sql, expected] of cases) assertEquals(texts(sql), expected, sql);
});

/** The SQLSTATE with which a text is refused. */
const codeOf = (sql: string) => splitStatements(sql).map((each) => refusalOf(each)?.code).find(Boolean);

Deno.test("refusalOf() lets statements through that read or set up a session", () => {
  const allowed = [
    ...[
      "SELECT 1",
      "with a as (select 1) table a",
      "VALUES (1)",
      "EXPLAIN ANALYZE SELECT 1",
      "show all",
      "",
      "(SELECT 1)",
    ],
    ...["SET search_path = a", "SET LOCAL work_mem = '1MB'", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"],
    ...["BEGIN", "start transaction", "ROLLBACK TO a", "DECLARE c CURSOR FOR SELECT 1", "FETCH 5 FROM c", "RESET ALL"],
    ...["PREPARE a AS SELECT 1", "EXECUTE a", "DEALLOCATE ALL", "SELECT role FROM copy", "UNLISTEN *"],
  ];
  for (const sql of allowed) assertEquals(codeOf(sql), undefined, sql);
});

Deno.test("refusalOf() refuses statements that write, read files or change the role, however they are written", () => {
  const refused: [string, string][] = [
    ["COPY bar TO '/etc/passwd'", "42501"],
    ["/* a */ -- b\n copy bar from program 'id'", "42501"],
    ["SELECT 1; COPY bar TO STDOUT", "42501"],
    ["INSERT INTO bar VALUES (1)", "25006"],
    ["DO $$ BEGIN END $$", "25006"],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", "25006"],
    ["VACUUM", "25006"],
    ["LISTEN a", "25006"],
    ["SET ROLE postgres", "42501"],
    ["set local role postgres", "42501"],
    ['SET "role" = postgres', "42501"],
    ["SET session_authorization = postgres", "42501"],
    ["SET SESSION AUTHORIZATION DEFAULT", "42501"],
    ["SET SESSION SESSION AUTHORIZATION postgres", "42501"],
    ["SET LOCAL SESSION AUTHORIZATION postgres", "42501"],
    ["RESET ROLE", "42501"],
    ["RESET SESSION AUTHORIZATION", "42501"],
    ["reset session_authorization", "42501"],
  ];
  for (const [sql, code] of refused) assertEquals(codeOf(sql), code, sql);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

testWhere(
  missingServer(),
  "query on a server reads as many rows as there are, writes nothing, and ends in time",
  async () => {
    await using work = await openWorkspace(server);
    await work.migrate();
    const query = (...args: string[]) =>
      work.run(["query", "--database", work.database, "--data-dir", work.dataDir, ...args]);

    const long = await query(
      "--format",
      "csv",
      "SELECT n, n::text AS name FROM generate_series(1, 30000) n ORDER BY n",
    );
    const lines = long.stdout.trim().split("\n");
    assertEquals([lines.length, lines[0], lines[30_000]], [30_001, "n,name", "30000,30000"]);
    assertEquals((await query("--format", "json", "SELECT 1 AS one WHERE false")).stdout, "[]\n");

    const output = join(work.directory, "rows.csv");
    const failed = await query("--output", output, "SELECT 1 / (3 - n) AS x FROM generate_series(1, 3) n");
    assertEquals(failed.code, 1);
    assertStringIncludes(failed.stderr, "division by zero (22012)");
    const names = await Array.fromAsync(Deno.readDir(work.directory), ({ name }) => name);
    assert(!names.some((name) => name.startsWith("rows.csv")), names.join());

    const written = await query("WITH made AS (INSERT INTO barline_destination DEFAULT VALUES RETURNING 1) TABLE made");
    assertEquals(written.code, 1);
    assertStringIncludes(written.stderr, "(25006)");
    const late = await query("--timeout", "0.5", "SELECT pg_sleep(1000)");
    assertEquals(late.code, 1);
    assertStringIncludes(late.stderr, "statement timeout (57014)");
    const nothing = await query("SELECT * FROM nowhere");
    assertEquals(nothing.code, 1);
    assertStringIncludes(nothing.stderr, 'relation "nowhere" does not exist (42P01)');
  },
);

testWhere(
  missingServer(),
  "query reads no files and no large objects, not even for a superuser, and copies nothing",
  async () => {
    await using work = await openWorkspace(server);
    await work.migrate();
    const [{ id }] = await work.query("SELECT lo_from_bytea(0, 'secret') AS id");
    const refused: readonly [string, string][] = [
      ["SELECT pg_read_file('PG_VERSION')", "pg_read_file is refused"],
      ["SELECT \"pg_read_binary_file\" /* */ ('PG_VERSION')", "pg_read_binary_file is refused"],
      ["SELECT * FROM pg_catalog.PG_LS_DIR('.')", "PG_LS_DIR is refused"],
      [`SELECT lo_get(${id})`, "lo_get is refused"],
      ["WITH x AS (SELECT 1) SELECT lo_export(1, 'x') FROM x", "lo_export is refused"],
      ["COPY bar TO STDOUT", "COPY is refused"],
      ["COPY (SELECT 1) TO PROGRAM 'true'", "COPY is refused"],
      ["DO $$ BEGIN PERFORM pg_read_file('PG_VERSION'); END $$", "DO is refused"],
      ["SELECT 1; CALL x()", "CALL is refused"],
    ];
    for (const [sql, words] of refused) {
      const { code, stdout, stderr } = await work.run(
        ["query", "--database", work.database, "--data-dir", work.dataDir, "--format", "csv", sql],
      );
      assertEquals([code, stdout.includes("secret") || /^\d\d$/m.test(stdout)], [2, false], sql);
      assertStringIncludes(stderr, words);
    }
    const text = await work.run(
      ["query", "--database", work.database, "--data-dir", work.dataDir, "SELECT 'pg_read_file(' AS text"],
    );
    assertEquals(text.code, 0, text.stderr);
  },
);

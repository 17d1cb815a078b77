import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { recordKinds } from "../../src/records/mod.ts";
import { callBarline } from "../support/call.ts";
import { RECORDS } from "../support/export_records.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** All columns of a kind's rows as texts of the server, but for the time of receipt. */
async function rowsOf(work: Workspace, kind: keyof typeof recordKinds): Promise<unknown[]> {
  const { table, columns, keyColumns } = recordKinds[kind];
  const names = columns.map(({ name }) => name).filter((name) => name !== "received_at");
  return await work.query(
    `SELECT s.symbol, s.timeframe, ${names.map((name) => `r.${name}::text`).join(", ")}
FROM ${table} r JOIN series_key s ON s.id = r.series_id ORDER BY s.symbol, s.timeframe, ${
      keyColumns.map((name) => `r.${name}`).join(", ")
    }`,
  );
}

/** Formats whose lines hold every value; one of CSV may have no line break. */
const FORMS: readonly (readonly string[])[] = [
  ["--format", "parquet", "--partition-by", "date,symbol"],
  ["--format", "parquet", "--compression", "snappy", "--partition-by", "none"],
  ["--format", "ndjson", "--partition-by", "month"],
  ["--format", "csv", "--partition-by", "symbol"],
];

for (const kind of Object.keys(RECORDS) as (keyof typeof RECORDS)[]) {
  testWhere(missingServer(), `an export of ${kind} records is read back with every value of every column`, async () => {
    await using work = await openWorkspace(server);
    const lines = RECORDS[kind].map((record) => `${JSON.stringify(record)}\n`).join("");
    const load = (to: Workspace, path: string) =>
      callBarline([
        "ingest",
        "--json",
        "--log-level",
        "error",
        "--http",
        "off",
        "--database",
        to.database,
        "--data-dir",
        to.dataDir,
        "--file",
        path,
        "--kind",
        kind,
      ]);
    const loaded = await load(work, await work.write("records.ndjson", lines));
    assertEquals([loaded.code, loaded.json?.stored], [0, RECORDS[kind].length], loaded.stderr);
    const rows = await rowsOf(work, kind);
    for (const [at, form] of FORMS.entries()) {
      if (form.includes("csv") && kind === "news") continue;
      const output = join(work.directory, `export ${at}`);
      const command = ["export", "--database", work.database, "--kind", kind, "--output", output, "--json", ...form];
      const exported = await callBarline(command);
      assertEquals([exported.code, exported.json?.rows], [0, rows.length], exported.stderr);
      await using other = await openWorkspace(server);
      const again = await load(other, output);
      assertEquals([again.code, again.json?.stored], [0, rows.length], again.stderr);
      assertEquals(await rowsOf(other, kind), rows, form.join(" "));
    }
  });
}

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** Bars as text, with the names of their series in place of the number, which differs. */
const ROWS = `SELECT s.symbol, b.ts::text, b.open, b.volume, b.received_at::text, b.status::text
FROM bar b JOIN series_key s ON s.id = b.series_id ORDER BY s.symbol, b.ts`;

testWhere(
  missingServer(),
  "copy brings rows of every kind, coverage and loads into a server, and continues",
  async () => {
    await using work = await openWorkspace();
    const url = await server!.createDatabase();
    const load = async (name: string, text: string, ...args: string[]) => {
      const { code, stderr } = await work.ingest(["--file", await work.write(name, text), ...args]);
      assertEquals(code, 0, stderr);
    };
    await load("first.csv", csvFile(30) + csvFile(30, "MSFT").slice(HEADER.length + 1));
    await load("second.csv", [HEADER, ...[5, 6].map((at) => csvLine(at).replace(/\d+$/, "0.3")), ""].join("\n"));
    await load(
      "news.ndjson",
      '{"symbol":"A","ts":"2024-01-02T14:30:00Z","id":"n1","headline":"ä"}\n',
      "--kind",
      "news",
    );
    await work.query(`INSERT INTO series_coverage (series_id, updated_by, confirmed, updated_at)
SELECT id, 'test', '{[2024-01-02 14:00Z, 2024-01-02 16:00Z)}', now() FROM series_key WHERE symbol = 'MSFT'`);
    const rows = await work.query(ROWS);
    const command = ["copy", "--data-dir", work.dataDir, "--to", url, "--sslmode", "disable"];
    assertEquals((await work.run(command)).code, 2, "without a terminal it needs --yes");

    const copied = await work.run([...command, "--yes", "--json"]);
    assertEquals(copied.code, 0, copied.stderr);
    const of = (kind: string) => copied.json.kinds.find((each: { kind: string }) => each.kind === kind);
    assertEquals(of("bar"), { kind: "bar", sent: 60, source: 60, target: 60 });
    assertEquals(of("news"), { kind: "news", sent: 1, source: 1, target: 1 });
    assertEquals([copied.json.coverage, copied.json.loads], [1, 3]);
    assertEquals(await server!.query(ROWS, url), rows);
    assertEquals(await server!.query("SELECT headline FROM news", url), [{ headline: "ä" }]);

    // Some rows are missing, as after a copy that was interrupted.
    await server!.query("DELETE FROM bar WHERE volume < 1005; DELETE FROM load_replaced", url);
    const again = await work.run([...command, "--yes"]);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stdout, "news: 1 here, 1 there, 0 sent");
    assertEquals(await server!.query(ROWS, url), rows);

    const undone = await work.run(["loads", "undo", "2", "--yes", "--json", "--database", url]);
    assertEquals([undone.json?.removed, undone.json?.restored], [0, 2], undone.stderr);
  },
);

/** Rows of a kind as text, in an order of their own, without the number of their series. */
const rowsOf = (table: string) =>
  `SELECT s.provider, s.symbol, (to_jsonb(r) - 'series_id')::text AS row
FROM "${table}" r JOIN series_key s ON s.id = r.series_id ORDER BY 1, 2, 3`;

testWhere(missingServer(), "a copy that is killed is completed by the next: each kind is equal then", async () => {
  await using work = await openWorkspace();
  const url = await server!.createDatabase();
  const kinds = ["bar", "option", "fundamental", "news"];
  const { code, stderr } = await work.ingest([
    ...["--provider", "mock", "--symbols", "AAPL,MSFT", "--limit", "2000", "--speed", "max"],
    ...kinds.flatMap((kind) => ["--kind", kind]),
  ]);
  assertEquals(code, 0, stderr);
  const command = ["copy", "--data-dir", work.dataDir, "--to", url, "--sslmode", "disable", "--yes"];
  const killed = work.start(command);
  await killed.line(/^option: /);
  killed.kill("SIGKILL");
  await killed.ended;

  const copied = await work.run([...command, "--json"]);
  assertEquals([copied.code, copied.json?.ok], [0, true], copied.stderr);
  for (const { kind, source, target } of copied.json.kinds) assertEquals(target, source, kind);
  for (const table of ["bar", "option_snapshot", "fundamental", "news_item"]) {
    const rows = await work.query(rowsOf(table));
    assert(rows.length > 0, `${table}: nothing to compare`);
    assertEquals(await server!.query(rowsOf(table), url), rows, table);
  }
});

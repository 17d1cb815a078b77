import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { parquetReadObjects } from "hyparquet";
// @ts-types="@types/pg"
import { Client } from "pg";
import { compressors } from "hyparquet-compressors";
import { callBarline } from "../support/call.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** Bars of two symbols over some days of January 2024, one an hour. */
function barsOf(days: number, from = 2): string {
  const lines = ["symbol,timeframe,ts,open,high,low,close,volume"];
  for (const symbol of ["AAPL", "BRK/B"]) {
    for (let hour = 0; hour < days * 24; hour++) {
      lines.push(`${symbol},1h,${new Date(Date.UTC(2024, 0, from, hour)).toISOString()},1,2,0.5,1.5,${hour}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** A database with bars of today and of some days, and the configuration of its archive. */
async function openArchived(days: number, archive: string): Promise<Workspace & { readonly args: string[] }> {
  const work = await openWorkspace(server);
  const now = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString();
  await load(work, `${barsOf(days)}AAPL,1h,${now},1,2,0.5,1.5,7\n`);
  const config = await work.write(
    "barline.yaml",
    `archive: { output: ${join(work.directory, "archive")}, ${archive} }\n`,
  );
  return {
    ...work,
    args: ["archive", "--config", config, "--database", work.database, "--json", "--data-dir", work.dataDir],
  };
}

async function load(work: Workspace, text: string): Promise<void> {
  const where = ["--database", work.database, "--data-dir", work.dataDir, "--log-level", "error", "--http", "off"];
  const file = await work.write(`${crypto.randomUUID()}.csv`, text);
  const { code, json, stderr } = await callBarline(["ingest", "--json", ...where, "--file", file]);
  assertEquals([code, json?.stored], [0, text.trim().split("\n").length - 1], stderr);
}

const keyOf = (symbol: unknown, ts: Date, volume: unknown) => `${symbol} ${ts.toISOString()} ${volume}`;
/** The rows of the database, and those of the files that the manifest names and that are whole. */
async function rowsOf(work: Workspace): Promise<{ database: Set<string>; archive: Set<string> }> {
  const database = await work.query("SELECT symbol, ts, volume FROM bars");
  const directory = join(work.directory, "archive", "default", "bar");
  const manifest = await Deno.readTextFile(join(directory, "_manifest.json")).then(JSON.parse, () => ({ files: [] }));
  const archive = new Set<string>();
  for (const { path, sha256, rows } of manifest.files) {
    const bytes = await Deno.readFile(join(directory, path));
    assertEquals(createHash("sha256").update(bytes).digest("hex"), sha256, path);
    const read = await parquetReadObjects({ file: bytes.buffer, compressors });
    assertEquals(read.length, rows, path);
    for (const { symbol, ts, volume } of read) archive.add(keyOf(symbol, ts as Date, volume));
  }
  return { database: new Set(database.map(({ symbol, ts, volume }) => keyOf(symbol, ts as Date, volume))), archive };
}

testWhere(missingServer(), "days that are over are archived once, and stay without a retention", async () => {
  await using work = await openArchived(3, "after: 1h");
  assertEquals((await callBarline(work.args)).json, { ok: true, files: 3, archived: 144, dropped: 0 });
  assertEquals((await callBarline(work.args)).json, { ok: true, files: 0, archived: 0, dropped: 0 });
  const { database, archive } = await rowsOf(work);
  assertEquals([database.size, archive.size, archive.difference(database).size], [145, 144, 0]);
});

testWhere(
  missingServer(),
  "rows leave the database once they are read back, and late ones get a file of their own",
  async () => {
    await using work = await openArchived(3, "retention: 30d");
    await work.query(`INSERT INTO series_coverage (series_id, updated_by, confirmed, updated_at)
SELECT id, 'test', '{[2024-01-02 00:00Z, 2026-01-01 00:00Z)}', now() FROM series_key`);
    assertEquals((await callBarline(work.args)).json, { ok: true, files: 3, archived: 144, dropped: 144 });
    assertEquals((await rowsOf(work)).archive.size, 144);
    assertEquals(await work.count(), 1);
    assertEquals(
      await work.query("SELECT 1 FROM series_doubt"),
      [],
      "bars that are dropped on purpose are not missing",
    );

    const path = join(work.directory, "archive/default/bar/provider=replay/date=2024-01-02/part-0.parquet");
    const before = await Deno.readFile(path);
    await load(work, barsOf(1).split("\n").slice(0, 5).join("\n").replaceAll(",1.5,", ",1.25,") + "\n");
    assertEquals((await callBarline(work.args)).json, { ok: true, files: 1, archived: 4, dropped: 4 });
    assertEquals(await Deno.readFile(path), before);
    assertEquals(await work.count(), 1);
  },
);

testWhere(
  missingServer(),
  "rows that came after their day was archived are archived before they are dropped",
  async () => {
    await using work = await openArchived(2, "after: 1h");
    assertEquals((await callBarline(work.args)).json.archived, 96);
    await load(work, "symbol,timeframe,ts,open,high,low,close,volume\nLATE,1h,2024-01-02T10:00:00Z,1,2,0.5,1.5,9\n");
    const config = `archive: { output: ${join(work.directory, "archive")}, retention: 30d }\n`;
    await work.write("barline.yaml", config);
    assertEquals((await callBarline(work.args)).json, { ok: true, files: 1, archived: 49, dropped: 97 });
    assert((await rowsOf(work)).archive.has("LATE 2024-01-02T10:00:00.000Z 9"));
  },
);

testWhere(missingServer(), "nothing is dropped while a file of the archive is damaged", async () => {
  await using work = await openArchived(1, "after: 1h");
  await callBarline(work.args);
  const path = join(work.directory, "archive/default/bar/provider=replay/date=2024-01-02/part-0.parquet");
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.with(100, bytes[100] ^ 1));
  await work.write("barline.yaml", `archive: { output: ${join(work.directory, "archive")}, retention: 30d }\n`);
  const { code, stderr } = await callBarline(work.args);
  assertEquals([code, await work.count()], [1, 49]);
  assertStringIncludes(stderr, "Cannot verify");
});

testWhere(missingServer(), "kill -9 at any time leaves every row in the database or in the archive", async () => {
  const days = 40;
  await using work = await openArchived(days, "retention: 30d");
  const { database: all } = await rowsOf(work);
  const run = () => work.start(work.args);
  const began = performance.now();
  // The time of a start, and what is done before the first file.
  let delayMs = 600;
  let kills = 0;
  while (performance.now() - began < 60_000) {
    const running = run();
    const timer = setTimeout(() => running.kill("SIGKILL"), delayMs);
    const { code } = await running.ended;
    clearTimeout(timer);
    const { database, archive } = await rowsOf(work);
    assertEquals(all.difference(database.union(archive)), new Set(), `after ${kills} kills`);
    if (code === 0) break;
    kills++;
    // Later each time something new was killed, until the run comes to its end.
    delayMs += 40 + Math.random() * 60;
  }
  assertEquals(await work.count(), 1);
  assert(kills > 0);
  assertEquals((await rowsOf(work)).archive.size, days * 48);
});

testWhere(missingServer(), "one process archives at a time, and no reader can keep all from it", async () => {
  await using work = await openArchived(2, "retention: 1d");
  const client = new Client({ connectionString: work.database });
  await client.connect();
  await client.query("BEGIN; LOCK TABLE stream_trim IN SHARE UPDATE EXCLUSIVE MODE");
  const refused = await callBarline(work.args);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "Cannot archive: another process is archiving the same database");
  // Writers are not kept from anything.
  await load(work, barsOf(1, 20));
  await client.query("ROLLBACK");

  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  await client.query(
    `CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}; SET ROLE ${role}`,
  );
  await client.query("SELECT pg_advisory_lock(hashtextextended('barline archive public', 0))");
  await assertRejects(
    () => client.query("BEGIN; LOCK TABLE stream_trim IN SHARE UPDATE EXCLUSIVE MODE"),
    Error,
    "permission",
  );
  await client.query("ROLLBACK");
  const { code, json, stderr } = await callBarline(work.args);
  assertEquals([code, json?.dropped], [0, 3 * 48], stderr);
  await client.end();
});

Deno.test("archive asks for the configuration of an archive", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await callBarline(["archive", "--data-dir", work.dataDir]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "the configuration has no archive");
});

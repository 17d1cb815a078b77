/**
 * What readers of the embedded database cost the run that writes it: the pause of a snapshot, and the time from the receipt of
 * a bar to its commit with readers and without.
 *
 *     deno run -A tests/bench/readers.ts [--dir DIR] [--rows 100000,1000000] [--seconds 20] [--rounds 3] [--every 0]
 *
 * `--dir` names a directory on the file system to measure: one that shares blocks (XFS, btrfs) copies by reference. `--every` is the pause of the reader between two downloads, in milliseconds. Machines
 * are shared and noisy: rounds without and with readers take turns, and figures are medians.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { withClient } from "../../src/database/database.ts";
import { createReader } from "../../src/database/door/reader.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { namesIn } from "../../src/database/names.ts";
import { addressOf, startBarline } from "../support/process.ts";

const args = parseArgs(Deno.args, { string: ["dir", "rows", "seconds", "rounds", "every"] });
const root = await Deno.makeTempDir({ dir: args.dir, prefix: "barline-bench-" });
const sizes = (args.rows ?? "100000,1000000").split(",").filter(Boolean).map(Number);
const seconds = Number(args.seconds ?? 20);
const everyMs = Number(args.every ?? 0);
const rounds = Number(args.rounds ?? 3);
/** Symbols of the paced run, each of which has a bar a second. */
const SYMBOLS = 100;
/** Rows that are written between two snapshots: those of 5 s. */
const BETWEEN = 500;
/** Snapshots after the first. */
const FURTHER = 10;

const median = (values: readonly number[]) => values.toSorted((one, other) => one - other)[values.length >> 1];
const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);

/** Measures the first snapshot of a database with so many bars, and those after further writes. */
async function measurePauses(rows: number): Promise<void> {
  const dataDir = join(root, `pause-${rows}`);
  await using database = await openEmbedded(dataDir);
  await prepareDatabase(database);
  const insert = (from: number, to: number) =>
    withClient(database, (client) =>
      client.query(
        `INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at)
SELECT n % 100 + 1, '2020-01-01T00:00:00Z'::timestamptz + n / 100 * interval '1 minute', n, n, n, n, n, now()
FROM generate_series($1::int, $2::int) n`,
        [from, to],
      ));
  await withClient(database, (client) =>
    client.query(
      `INSERT INTO series_key (tenant, provider, symbol, timeframe)
SELECT 'default', 'bench', 'S' || n, '1m' FROM generate_series(1, 100) n`,
    ));
  for (let from = 0; from < rows; from += 50_000) await insert(from, Math.min(from + 50_000, rows) - 1);
  const taken: { readonly bytes: number; readonly pausedMs: number }[] = [];
  await using reader = createReader({
    source: database.snapshots!,
    names: namesIn("public"),
    onSnapshot: (each) => taken.push(each),
  });
  const signal = new AbortController().signal;
  await reader.refresh(signal);
  for (let at = 0; at < FURTHER; at++) {
    await insert(rows + at * BETWEEN, rows + (at + 1) * BETWEEN - 1);
    await new Promise((resolve) => setTimeout(resolve, 5100));
    await reader.refresh(signal);
  }
  const [first, ...further] = taken;
  console.log(
    `${rows.toLocaleString("en-US")} bars: first snapshot ${mib(first.bytes)} MiB in ${
      first.pausedMs.toFixed(0)
    } ms; ` +
      `after ${BETWEEN} further bars ${mib(median(further.map(({ bytes }) => bytes)))} MiB in ` +
      `${median(further.map(({ pausedMs }) => pausedMs)).toFixed(1)} ms (longest ${
        Math.max(...further.map(({ pausedMs }) => pausedMs)).toFixed(1)
      })`,
  );
}

/** Streams the mock for some seconds, with a reader or without, and gives the latencies of the summary. */
async function stream(dataDir: string, isRead: boolean): Promise<{ p50: number; p99: number; reads: number }> {
  const symbols = Array.from({ length: SYMBOLS }, (_, at) => `S${at}`).join(",");
  const running = startBarline(
    [
      ...["ingest", "--provider", "mock", "--symbols", symbols, "--speed", "60", "--json", "--http", "127.0.0.1:0"],
      ...["--data-dir", dataDir, "--database", "embedded"],
    ],
    { cwd: root },
  );
  const address = await addressOf(running);
  const end = performance.now() + seconds * 1000;
  let reads = 0;
  while (performance.now() < end) {
    if (!isRead) await new Promise((resolve) => setTimeout(resolve, 100));
    else {
      const response = await fetch(`${address}/api/bars.parquet?symbol=S${reads % SYMBOLS}&limit=${10_000 + reads}`);
      await response.arrayBuffer();
      if (response.ok) reads++;
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
  running.kill("SIGTERM");
  const { json: { latencyMs } } = await running.ended;
  return { ...latencyMs, reads };
}

try {
  for (const rows of sizes) await measurePauses(rows);
  const found = { with: [] as number[], without: [] as number[] };
  const dataDir = join(root, "stream");
  for (let round = 0; round < rounds; round++) {
    for (const isRead of [false, true]) {
      const { p50, p99, reads } = await stream(dataDir, isRead);
      found[isRead ? "with" : "without"].push(p99);
      const how = isRead ? `with ${reads} reads` : "without readers";
      console.log(`${SYMBOLS} bars/s ${how}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
    }
  }
  if (rounds > 0) {
    const [alone, beside] = [median(found.without), median(found.with)];
    console.log(
      `p99 without readers ${alone.toFixed(1)} ms, with ${beside.toFixed(1)} ms: ${(beside / alone).toFixed(2)} ×`,
    );
  }
} finally {
  await Deno.remove(root, { recursive: true });
}

/**
 * The bench: Barline beside other ways to bring the same rows into the same tables, on one server in one run.
 *
 *     deno task bench [--rows 300000] [--rounds 3] [--url postgres://…] [--quick]
 *     deno task bench --peers                    # beside other programs on the PATH, too; see tests/bench/peers/
 *     deno task bench --binary dist/other        # another binary than dist/barline
 *     deno task bench --from-source              # no binary, only the source in this process
 *
 * The limit is the server's own: two binary COPYs of the same rows from files on its disk, at once. It is measured on a server
 * of the bench's own. The sink alone is measured from source.
 *
 * Figures are rows per second, the median of the rounds; machines are shared and noisy, so read the ratios.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
// @ts-types="@types/pg"
import { Client } from "pg";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { migrate } from "../../src/database/migrate.ts";
import { startPostgres } from "../support/postgres.ts";
import { type BenchOptions, endToEnd, sinkAlone } from "./barline.ts";
import { startCollector } from "../support/fake_collector.ts";
import { makeData } from "./data.ts";
import { makeLimitFiles, serverLimit } from "./limit.ts";
import { rawCopy, rowWiseUpserts, stagedUpsert } from "./peers.ts";
import { comparePrograms } from "./peers/compare.ts";
import { fromBinary } from "./program.ts";

const args = parseArgs(Deno.args, {
  string: ["rows", "rounds", "url", "source", "binary"],
  boolean: ["quick", "from-source", "peers"],
});
if (args.peers && args.url !== undefined) {
  throw new Error("Cannot measure other programs at --url: --peers needs a server of the bench's own");
}
const binaryPath = args["from-source"] ? undefined : args.binary ?? "dist/barline";
const binary = binaryPath === undefined ? undefined : await fromBinary(binaryPath);
const fromFile = binary ?? endToEnd;
const rows = Number(args.rows ?? 300_000);
const rounds = Number(args.rounds ?? 3);
const source = args.source ?? new URL("../fixtures/bars.csv", import.meta.url).pathname;

// Durable as in production: fsync is on.
await using server = args.url === undefined
  ? await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"])
  : undefined;
const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });
const url = args.url ?? await server!.createDatabase();
const client = new Client({ connectionString: url });
await client.connect();
await migrate(client, namesIn(DEFAULT_SCHEMA));
const data = makeData(source, rows, directory);
await using collector = startCollector();
const traces = collector.env;
const best: BenchOptions = { database: url, dataDir: directory, workers: 4, batchSize: 5000 };

async function empty(): Promise<void> {
  await client.query("TRUNCATE bar, series_key RESTART IDENTITY");
  for (const symbol of data.symbols) {
    await client.query("INSERT INTO series (provider, symbol, timeframe) VALUES ('replay', $1, '1m')", [symbol]);
  }
  await client.query("CHECKPOINT");
}

async function filled(): Promise<void> {
  await empty();
  await rawCopy(url, data.keyed);
  await client.query("VACUUM ANALYZE bar");
}

const LIMIT = "fresh: limit, 2 server-side COPYs";

/** A row of the table: what to prepare, and what to measure, in seconds. */
interface Case {
  readonly name: string;
  readonly prepare: () => Promise<void>;
  readonly measure: () => Promise<number>;
  /** Rows written, where they are not all. */
  readonly rows?: number;
}

const few = data.bars.slice(0, Math.min(rows, 20_000));
const sink = (name: string, options: Partial<BenchOptions>): Case => ({
  name,
  prepare: empty,
  measure: () => sinkAlone({ ...best, ...options }, data.bars),
});
await filled();
const limitFiles = server === undefined ? undefined : await makeLimitFiles(client);
const main: Case[] = [
  ...(limitFiles === undefined ? [] : [
    { name: LIMIT, prepare: empty, measure: () => serverLimit(url, limitFiles) },
  ]),
  { name: "fresh: psql \\copy", prepare: empty, measure: () => rawCopy(url, data.keyed) },
  { name: "fresh: psql \\copy + upsert", prepare: empty, measure: () => stagedUpsert(url, data.keyed) },
  {
    name: "fresh: row-wise upserts, 200 × 4",
    prepare: empty,
    measure: () => rowWiseUpserts(url, few, data.symbols),
    rows: few.length,
  },
  sink("fresh: Barline sink", {}),
  ...(binary === undefined ? [] : [
    { name: "fresh: Barline from CSV, binary", prepare: empty, measure: () => binary(best, data.csv) },
  ]),
  { name: "fresh: Barline from CSV, source", prepare: empty, measure: () => endToEnd(best, data.csv) },
  { name: "fresh: Barline from CSV, traced", prepare: empty, measure: () => fromFile({ ...best, traces }, data.csv) },
  { name: "unchanged: psql \\copy + upsert", prepare: filled, measure: () => stagedUpsert(url, data.keyed) },
  { name: "unchanged: Barline sink", prepare: filled, measure: () => sinkAlone(best, data.bars) },
  { name: "changed: psql \\copy + upsert", prepare: filled, measure: () => stagedUpsert(url, data.keyedChanged) },
  { name: "changed: Barline sink", prepare: filled, measure: () => sinkAlone(best, data.bars, 1) },
];
const sweeps: Case[] = args.quick ? [] : [
  ...[1, 2, 4].map((workers) => sink(`fresh: sink, ${workers} workers × 2000`, { workers, batchSize: 2000 })),
  ...[200, 500, 1000, 2000, 5000].map((batchSize) => sink(`fresh: sink, 4 × ${batchSize}`, { workers: 4, batchSize })),
  {
    name: "fresh: embedded, from CSV",
    async prepare() {
      await Deno.remove(`${directory}/embedded`, { recursive: true }).catch(() => {});
    },
    measure: () => fromFile({ ...best, database: "embedded", dataDir: `${directory}/embedded` }, data.csv),
  },
];

const cases = [...main, ...sweeps];
const rates = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const each of cases) {
    await each.prepare();
    const rate = (each.rows ?? rows) / await each.measure();
    rates.get(each.name)!.push(rate);
    console.error(`round ${round}: ${each.name}: ${Math.round(rate).toLocaleString("en-US")} rows/s`);
  }
}
await client.end();

const median = (name: string) => rates.get(name)!.toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
console.log(`\n${rows.toLocaleString("en-US")} rows, median of ${rounds}, ${navigator.hardwareConcurrency} cores\n`);
console.log(`| ${"way".padEnd(34)} |   rows/s |\n|${"-".repeat(36)}|---------:|`);
for (const { name } of cases) {
  console.log(`| ${name.padEnd(34)} | ${Math.round(median(name)).toLocaleString("en-US").padStart(8)} |`);
}
console.log(`\n| ${"ratio".padEnd(34)} |          |\n|${"-".repeat(36)}|---------:|`);

/** Prints the ratio of two cases, where both were measured. */
function ratio(label: string, a: string, b: string): void {
  if (!rates.has(a) || !rates.has(b)) return;
  console.log(`| ${label.padEnd(34)} | ${(median(a) / median(b)).toFixed(2).padStart(8)} |`);
}
ratio("from CSV, binary / limit", "fresh: Barline from CSV, binary", LIMIT);
ratio("from CSV, source / limit", "fresh: Barline from CSV, source", LIMIT);
ratio("fresh: sink / limit", "fresh: Barline sink", LIMIT);
ratio("fresh: sink / \\copy", "fresh: Barline sink", "fresh: psql \\copy");
ratio("fresh: sink / \\copy + upsert", "fresh: Barline sink", "fresh: psql \\copy + upsert");
ratio("unchanged: sink / \\copy + upsert", "unchanged: Barline sink", "unchanged: psql \\copy + upsert");
ratio("changed: sink / \\copy + upsert", "changed: Barline sink", "changed: psql \\copy + upsert");
ratio("from CSV, source / sink", "fresh: Barline from CSV, source", "fresh: Barline sink");
const untraced = `fresh: Barline from CSV, ${binary === undefined ? "source" : "binary"}`;
ratio("from CSV: traced / not traced", "fresh: Barline from CSV, traced", untraced);

if (args.peers && server !== undefined) {
  await comparePrograms({ server, file: data.csv, directory, rows, rounds, binary: binaryPath });
}
await Deno.remove(directory, { recursive: true });

/**
 * The cost of an export in processor time, beside COPY of the same rows by the server itself.
 *
 *     deno run -A tests/bench/export.ts [--rows 2000000]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { currentProgram } from "../support/process.ts";
import { startPostgres } from "../support/postgres.ts";
import { databaseAt } from "../support/server_tests.ts";
import { cpuOfChild, cpuOfTree } from "./cpu.ts";

const SYMBOLS = 20;
const COLUMNS = "provider, symbol, timeframe, ts, open, high, low, close, volume, vwap, trades, status, received_at";
/** Random walks of cents, with volumes of round lots: as compressible as bars of stocks are. */
const FILL = (rows: number) =>
  `INSERT INTO bar (ts, open, high, low, close, volume, received_at, vwap, series_id, trades)
SELECT '2020-01-01'::timestamptz + minute * INTERVAL '1 minute', p, p + 0.05, p - 0.04, p + 0.01, v * 100,
  '2024-01-01'::timestamptz + minute * INTERVAL '1 microsecond', p + 0.002, s, v
FROM generate_series(1, ${SYMBOLS}) s, generate_series(1, ${rows / SYMBOLS}) minute,
  LATERAL (SELECT round((100 + s + 5 * sin(minute / 1000.0))::numeric, 2)::float8 AS p, (minute * 7919 % 400)::int AS v) x`;

const { rows: given } = parseArgs(Deno.args, { string: ["rows"], default: { rows: "2000000" } });
const rows = Number(given);
await using server = await startPostgres();
const url = await server.createDatabase();
await prepareDatabase(databaseAt(url));
const query = (sql: string) => server.query(sql, url);
await query(
  `INSERT INTO series_key (provider, symbol, timeframe) SELECT 'bench', 'S' || n, '1m' FROM generate_series(1, ${SYMBOLS}) n`,
);
await query(FILL(rows));
await query("VACUUM (ANALYZE) bar");
const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });

/** Seconds of the server and of a child process while something runs. */
async function measure(run: () => Promise<number>): Promise<{ server: number; client: number }> {
  const { pid } = server.control!;
  const before = await cpuOfTree(pid);
  const client = await run();
  // The server hears of a connection's end, and adds up the time of its process.
  await query("SELECT pg_sleep(0.5)");
  return { server: await cpuOfTree(pid) - before, client };
}

/** Runs `barline export`, and gives its seconds. */
async function runExport(...flags: string[]): Promise<number> {
  const { path, args } = currentProgram();
  const output = join(directory, crypto.randomUUID());
  const command = [...args, "export", "--database", url, "--output", output, ...flags];
  const child = new Deno.Command(path, { args: command, stdout: "null", cwd: directory }).spawn();
  const [seconds, { success }] = await Promise.all([cpuOfChild(child.pid), child.status]);
  if (!success) throw new Error(`Cannot export with ${flags.join(" ")}`);
  const bytes = await sizeOf(output);
  console.log(`  ${flags.join(" ")}: ${(bytes / 1e6).toFixed(1)} MB`);
  return seconds;
}

async function sizeOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const below = join(path, name);
    bytes += isDirectory ? await sizeOf(below) : (await Deno.stat(below)).size;
  }
  return bytes;
}

/** Thousands of rows a second of one core. */
const rate = ({ server, client }: { server: number; client: number }) => rows / (server + client) / 1000;
const show = (name: string, cost: { server: number; client: number }) => {
  const { server, client } = cost;
  console.log(
    `${name}: ${rate(cost).toFixed(0)} k rows/s a core (server ${server.toFixed(2)} s, client ${client.toFixed(2)} s)`,
  );
  return rate(cost);
};

const copyTo = (columns: string) => async () => {
  await query(`COPY (SELECT ${columns} FROM bars) TO '${join(directory, "bars.copy")}' (FORMAT binary)`);
  return 0;
};
await Deno.chmod(directory, 0o777);
await measure(copyTo(COLUMNS));
const copy = show("COPY of the view bars to a file, binary", await measure(copyTo(COLUMNS)));
const start = await measure(() => runExport("--symbols", "S1", "--from", "2020-01-01", "--to", "2020-01-02"));
console.log(`start of a process: ${start.client.toFixed(2)} s`);
for (
  const flags of [["--compression", "zstd"], ["--compression", "snappy"], ["--compression", "none"], [
    "--format",
    "csv",
  ]]
) {
  const cost = await measure(() => runExport("--partition-by", "month", ...flags));
  const own = show(`export ${flags.join(" ")}, without its start`, { ...cost, client: cost.client - start.client });
  console.log(`  ${(own / copy).toFixed(2)} of COPY; with its start ${(rate(cost) / copy).toFixed(2)}`);
}
await Deno.remove(directory, { recursive: true });

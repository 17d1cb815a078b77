/**
 * What tenants cost: the same records through 1, 10 and 100 of them, at full speed and paced, in one process.
 *
 *     deno run -A tests/bench/tenants.ts [--binary dist/barline] [--rows 500000]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { startPostgres } from "../support/postgres.ts";

const args = parseArgs(Deno.args, { string: ["binary", "rows"] });
const binary = args.binary ?? "dist/barline";
const rows = Number(args.rows ?? 500_000);
/** Records a second of all tenants together, where they are paced. */
const PACE = 1000;
const PACED_SECONDS = 30;

await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"]);
const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });

interface Run {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly peakMb: number;
  /** Most connections that the server had at once, its other ones left out. */
  readonly connections: number;
  /** Longest answer of /metrics, in milliseconds, and its size. */
  readonly scrapeMs: number;
  readonly scrapeKb: number;
}

/** Runs so many tenants, five symbols each, in a process, and watches it. */
async function run(tenants: number, own: string, options: string): Promise<Run> {
  const names = Array.from({ length: tenants }, (_, at) => `t${String(at).padStart(3, "0")}`);
  const config = `${directory}/${tenants}.yaml`;
  const entries = names.map((name) => `  - { name: ${name}, symbols: [A, B, C, D, E], ${own} }\n`);
  await Deno.writeTextFile(config, `${options}\ntenants:\n${entries.join("")}`);
  const database = await server.createDatabase();
  const process = new Deno.Command(binary, {
    args: [
      ...["ingest", "--config", config, "--json", "--log-level", "error", "--http", "127.0.0.1:9471"],
      ...["--database", database, "--data-dir", `${directory}/${tenants}-${crypto.randomUUID()}`],
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = new Response(process.stdout).text();
  let isOver = false;
  const status = process.status.finally(() => isOver = true);
  let [peakKb, connections, scrapeMs, scrapeKb] = [0, 0, 0, 0];
  while (!isOver) {
    const seen = await Deno.readTextFile(`/proc/${process.pid}/status`).catch(() => "");
    peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(seen)?.[1] ?? 0));
    const sql = "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'barline'";
    connections = Math.max(connections, (await server.query(sql))[0].count as number);
    const started = performance.now();
    const page = await fetch("http://127.0.0.1:9471/metrics").then((response) => response.text(), () => "");
    scrapeMs = Math.max(scrapeMs, performance.now() - started);
    scrapeKb = Math.max(scrapeKb, page.length / 1000);
    await Promise.race([status, new Promise((resolve) => setTimeout(resolve, 1000))]);
  }
  const { success } = await status;
  const summary = JSON.parse((await output).trim().split("\n").at(-1)!);
  if (!success || summary.stored !== summary.received) throw new Error(JSON.stringify(summary));
  const { rate, latencyMs: { p50, p99 } } = summary;
  return { rate, p50, p99, peakMb: peakKb / 1000, connections, scrapeMs, scrapeKb };
}

const count = (value: number) => Math.round(value).toLocaleString("en-US");
console.log("| tenants | full speed | peak memory | paced: p50, p99 | peak memory | connections | /metrics |");
console.log("|--:|--:|--:|--:|--:|--:|--:|");
for (const tenants of [1, 10, 100]) {
  const fast = await run(tenants, `speed: max, limit: ${Math.ceil(rows / tenants)}`, "");
  const limit = Math.ceil(PACE * PACED_SECONDS / tenants);
  const paced = await run(tenants, `rate: ${PACE / tenants}, limit: ${limit}`, "");
  const cells = [
    `${tenants}`,
    `${count(fast.rate)}/s`,
    `${count(fast.peakMb)} MB`,
    `${count(paced.p50)} ms, ${count(paced.p99)} ms`,
    `${count(paced.peakMb)} MB`,
    `${Math.max(fast.connections, paced.connections)}`,
    `${count(paced.scrapeKb)} kB, ${count(paced.scrapeMs)} ms`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
await Deno.remove(directory, { recursive: true });

/**
 * Edge, stream and hub, measured as processes beside the direct way into the same PostgreSQL: rates, what a bar costs each
 * of them in processor time, how the rate grows with workers, and what the way adds in time.
 *
 *     deno run -A tests/bench/nats.ts [--binary dist/barline] [--rows 1000000] [--rounds 3] [--only rates|workers|latency]
 *
 * Figures are medians of the rounds, of which each does everything in turn; machines are shared and noisy, so read the
 * ratios.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { parseArgs } from "@std/cli/parse-args";
import { openNats } from "../../src/nats/connection.ts";
import { manageStreams } from "../../src/nats/stream.ts";
import { natsSettings, startNats } from "../support/nats.ts";
import { startPostgres } from "../support/postgres.ts";
import { startBarline, useBinary } from "../support/process.ts";
import { writeCsv } from "./data.ts";
import { cpuOfChild, cpuOfTree } from "./cpu.ts";

const args = parseArgs(Deno.args, { string: ["binary", "rows", "rounds", "only"] });
useBinary(Deno.realPathSync(args.binary ?? "dist/barline"));
const rows = Number(args.rows ?? 1_000_000);
const rounds = Number(args.rounds ?? 3);
const source = new URL("../fixtures/bars.csv", import.meta.url).pathname;

await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"]);
await using nats = await startNats();
const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });
const csv = `${directory}/bars.csv`;
writeCsv(source, rows, csv);

interface Ended {
  readonly rate: number;
  readonly latencyMs: { p50: number; p99: number };
  readonly cpu: number;
}

let runs = 0;
/** Starts the program, and gives what its summary says and the processor time that it took. */
function start(...options: string[]) {
  const common = ["--http", "off", "--json", "--log-level", "error", "--data-dir", `${directory}/${runs++}`];
  const running = startBarline(["ingest", ...common, ...options], { cwd: directory, endless: true });
  const cpu = cpuOfChild(running.pid);
  return {
    running,
    async ended(): Promise<Ended> {
      const { code, json, stderr } = await running.ended;
      if (code !== 0) throw new Error(stderr);
      return { rate: json.rate, latencyMs: json.latencyMs, cpu: await cpu };
    },
  };
}

const at = ["--nats-url", nats.url];
const TO_STREAM = ["--sink", "nats", ...at];
const FROM_STREAM = ["--provider", "nats", ...at];
await using look = openNats(natsSettings(nats.url), "bench");
const waiting = async () => (await (await manageStreams(look)).streams.info("BARLINE")).state.messages;

const figures = new Map<string, number[]>();
function note(name: string, value: number): void {
  figures.set(name, [...figures.get(name) ?? [], value]);
  console.error(`${name}: ${value.toLocaleString("en-US", { maximumFractionDigits: 2 })}`);
}
const microseconds = (seconds: number) => seconds / rows * 1e6;

/** Seconds until the workers have emptied the stream, from the first row on. */
async function drain(workers: number, database: string): Promise<number> {
  await (await start("--file", csv, ...TO_STREAM)).ended();
  const hub = Array.from({ length: workers }, () => start(...FROM_STREAM, "--database", database));
  const full = await waiting();
  while (await waiting() === full) await delay(20);
  const started = performance.now();
  while (await waiting() > 0) await delay(20);
  const seconds = (performance.now() - started) / 1000;
  for (const { running } of hub) running.kill("SIGTERM");
  for (const each of hub) await each.ended();
  return seconds;
}

/** Rates one after another, and what a bar costs each of the processes. */
async function measureRates(): Promise<void> {
  const direct = await start("--file", csv, "--database", await server.createDatabase()).ended();
  note("direct, bars/s", direct.rate);
  note("direct: Barline, µs/bar", microseconds(direct.cpu));

  const broker = [await cpuOfTree(nats.pid)];
  const edge = await start("--file", csv, ...TO_STREAM).ended();
  broker.push(await cpuOfTree(nats.pid));
  note("edge to stream, bars/s", edge.rate);
  note("edge: Barline, µs/bar", microseconds(edge.cpu));
  note("edge: nats-server, µs/bar", microseconds(broker[1] - broker[0]));

  const database = await server.createDatabase();
  const postgres = [await cpuOfTree(server.control!.pid)];
  const hub = await start(...FROM_STREAM, "--limit", String(rows), "--database", database).ended();
  postgres.push(await cpuOfTree(server.control!.pid));
  broker.push(await cpuOfTree(nats.pid));
  note("stream to PostgreSQL, bars/s", hub.rate);
  note("hub: Barline, µs/bar", microseconds(hub.cpu));
  note("hub: nats-server, µs/bar", microseconds(broker[2] - broker[1]));
  note("hub: PostgreSQL, µs/bar", microseconds(postgres[1] - postgres[0]));
}

async function measureWorkers(): Promise<void> {
  for (const workers of [1, 2, 4]) {
    note(`drained by ${workers} workers, bars/s`, rows / await drain(workers, await server.createDatabase()));
  }
}

async function measureLatency(): Promise<void> {
  const paced = ["--provider", "mock", "--rate", "1000", "--limit", "20000"];
  const near = await start(...paced, "--database", await server.createDatabase()).ended();
  const far = start(...FROM_STREAM, "--limit", "20000", "--database", await server.createDatabase());
  const published = await start(...paced, ...TO_STREAM).ended();
  const { latencyMs } = await far.ended();
  note("direct at 1,000 bars/s, p50 ms", near.latencyMs.p50);
  note("edge at 1,000 bars/s, p50 ms", published.latencyMs.p50);
  note("edge to PostgreSQL at 1,000 bars/s, p50 ms", latencyMs.p50);
  note("edge to PostgreSQL at 1,000 bars/s, p99 ms", latencyMs.p99);
  note("added at 1,000 bars/s, p50 ms", latencyMs.p50 - near.latencyMs.p50);
}

const parts = { rates: measureRates, workers: measureWorkers, latency: measureLatency };
for (let round = 1; round <= rounds; round++) {
  console.error(`round ${round}`);
  for (const [name, measure] of Object.entries(parts)) if ([undefined, name].includes(args.only)) await measure();
}
await Deno.remove(directory, { recursive: true });

const median = (name: string) => figures.get(name)!.toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
const print = (name: string, value: string) => console.log(`| ${name.padEnd(46)} | ${value.padStart(10)} |`);
console.log(`\n${rows.toLocaleString("en-US")} bars, median of ${rounds}, ${navigator.hardwareConcurrency} cores\n`);
for (const name of figures.keys()) {
  const isRate = name.endsWith("bars/s");
  print(name, median(name).toLocaleString("en-US", { maximumFractionDigits: isRate ? 0 : 2 }));
}
if (figures.has("direct, bars/s")) {
  print(
    "stream to PostgreSQL / direct",
    (median("stream to PostgreSQL, bars/s") / median("direct, bars/s")).toFixed(2),
  );
}

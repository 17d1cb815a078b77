/**
 * The journal, measured: what its modes cost, how fast it drains, and what a start with a full one takes.
 *
 *     deno run -A tests/bench/journal.ts [--rows 300000] [--journaled 2000000] [--rounds 5] [--gib 1] [--binary dist/barline]
 *
 * Figures are medians of the rounds, of which each does everything in turn; machines are shared and noisy, so read the
 * ratios.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { openApp } from "../../src/app/app.ts";
import { journalDirectory } from "../../src/journal/format.ts";
import { openLog } from "../../src/journal/log.ts";
import { encodeFrame } from "../../src/records/codec.ts";
import { recordKind } from "../../src/records/mod.ts";
import { startPostgres } from "../support/postgres.ts";
import { benchConfig, type BenchOptions, endToEnd, sinkAlone } from "./barline.ts";
import { replicate, writeCsv } from "./data.ts";
import { frameOf } from "../support/frames.ts";

const args = parseArgs(Deno.args, { string: ["rows", "journaled", "rounds", "gib", "binary"] });
const rows = Number(args.rows ?? 300_000);
const journaled = Number(args.journaled ?? 2_000_000);
const rounds = Number(args.rounds ?? 5);
const gib = Number(args.gib ?? 1);
const source = new URL("../fixtures/bars.csv", import.meta.url).pathname;
/** Bars of an entry: what a feed of 5,000 a second gives within the 50 ms between two syncs. */
const ENTRY = 250;

await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"]);
const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });
const database = await server.createDatabase();
const best: BenchOptions = { database, dataDir: directory, workers: 4, batchSize: 5000 };
const csv = `${directory}/bars.csv`;
writeCsv(source, rows, csv);

async function empty(): Promise<void> {
  await server.query("TRUNCATE bar", database).catch(() => {});
  await server.query("CHECKPOINT", database);
}

/** Fills a journal with bars until it has so many, or so many bytes. */
async function fill(dataDir: string, isFull: (bars: number, bytes: number) => boolean): Promise<number> {
  await using log = await openLog({
    directory: journalDirectory(dataDir),
    maxBytes: 2 ** 40,
    segmentBytes: 64 << 20,
    warn: console.error,
    onLost: () => {},
  });
  let records = [];
  let items = [];
  let bars = 0;
  for (const bar of replicate(source, Infinity)) {
    records.push(bar);
    if (records.length < ENTRY) continue;
    const frame = frameOf({ kind: "bar", provider: "replay", receivedAt: bar.receivedAt, records });
    items.push({ message: encodeFrame(frame, recordKind("bar")), records: records.length });
    bars += records.length;
    records = [];
    if (items.length < 200 && !isFull(bars, Infinity)) continue;
    await log.append(items, () => false);
    items = [];
    if (isFull(bars, log.status.bytes)) break;
  }
  return bars;
}

/** Seconds from the start of the flow to the commit of the last journaled bar. */
async function drain(dataDir: string): Promise<number> {
  const config = benchConfig({ ...best, dataDir, journal: "overflow" });
  await using app = await openApp({
    config,
    tenants: [{
      config,
      providers: [],
      kinds: ["bar"],
      listeners: [],
      deadLetters: () => ({
        write(letters) {
          throw new Error(`the bench makes no dead letters: ${letters[0].reason}`);
        },
      }),
    }],
  });
  const started = performance.now();
  const { ledger, failure } = await app.run();
  if (failure !== undefined) throw failure;
  if (ledger.stored !== journaled) throw new Error(`stored ${ledger.stored} of ${journaled}`);
  return (performance.now() - started) / 1000;
}

/** Seconds until a process with a journal serves its metrics, and the most memory it had by then. */
async function start(dataDir: string): Promise<{ seconds: number; megabytes: number }> {
  const program = args.binary === undefined
    ? [Deno.execPath(), "run", "-A", new URL("../../main.ts", import.meta.url).pathname]
    : [args.binary];
  const started = performance.now();
  const process = new Deno.Command(program[0], {
    args: [...program.slice(1), "ingest", "--journal", "durable", "--database", database, "--data-dir", dataDir]
      .concat(["--http", "127.0.0.1:0", "--limit", "1"]),
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of process.stderr.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("Serving")) break;
  }
  const seconds = (performance.now() - started) / 1000;
  const status = await Deno.readTextFile(`/proc/${process.pid}/status`);
  process.kill("SIGKILL");
  await process.status;
  return { seconds, megabytes: Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1000 };
}

const rates = new Map<string, number[]>();
async function measure(name: string, count: number, seconds: () => Promise<number>): Promise<void> {
  await empty();
  const rate = count / await seconds();
  rates.set(name, [...rates.get(name) ?? [], rate]);
  console.error(`${name}: ${Math.round(rate).toLocaleString("en-US")} bars/s`);
}

for (let round = 0; round < rounds; round++) {
  for (const journal of ["off", "overflow", "durable"] as const) {
    const dataDir = `${directory}/${journal}`;
    await measure(`from CSV, journal ${journal}`, rows, () => endToEnd({ ...best, dataDir, journal }, csv));
  }
  // Made anew, as two million objects that are kept would be in the garbage collector's way in all else.
  await measure("sink alone", journaled, () => sinkAlone(best, [...replicate(source, journaled)]));
  const dataDir = `${directory}/drain`;
  await fill(dataDir, (count) => count >= journaled);
  await measure("journal drained", journaled, () => drain(dataDir));
}

const median = (name: string) => rates.get(name)!.toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
const print = (name: string, value: string) => console.log(`| ${name.padEnd(44)} | ${value.padStart(12)} |`);
for (const name of rates.keys()) print(name, `${Math.round(median(name)).toLocaleString("en-US")}/s`);
const ratio = (label: string, a: string, b: string) => print(label, (median(a) / median(b)).toFixed(2));
ratio("overflow / off", "from CSV, journal overflow", "from CSV, journal off");
ratio("durable / off", "from CSV, journal durable", "from CSV, journal off");
ratio("drained / sink", "journal drained", "sink alone");

const dataDir = `${directory}/start`;
const held = await fill(dataDir, (_, bytes) => bytes < Infinity && bytes >= gib * 2 ** 30);
await start(`${directory}/warm`);
const nothing = await start(`${directory}/nothing`);
const full = await start(dataDir);
print("start without a journal", `${nothing.seconds.toFixed(1)} s`);
print(`start with ${gib} GiB, ${held.toLocaleString("en-US")} bars`, `${full.seconds.toFixed(1)} s`);
print("peak memory by then, without and with", `${nothing.megabytes.toFixed(0)}, ${full.megabytes.toFixed(0)} MB`);
await Deno.remove(directory, { recursive: true });

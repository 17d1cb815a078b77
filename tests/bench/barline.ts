/**
 * Barline itself, measured: its sink alone, and the whole way from a file.
 *
 * @module
 */
import { openApp } from "../../src/app/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openDatabase } from "../../src/database/open.ts";
import type { GivenFormat } from "../../src/files/plan_file.ts";
import { distribute } from "../../src/pipeline/deliver.ts";
import { createReplay } from "../../src/providers/replay.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openSink } from "../../src/sinks/mod.ts";
import { createTracing } from "../../src/telemetry/tracing.ts";
import { rowsOf } from "../support/frames.ts";

/** How to write. */
export interface BenchOptions {
  database: string;
  dataDir: string;
  workers: number;
  batchSize: number;
  /** @default {"off"} */
  journal?: "off" | "overflow" | "durable";
  /** Environment of traces, which are not made without one. */
  traces?: Record<string, string>;
}

/** The configuration of a run. */
export function benchConfig({ database, dataDir, workers, batchSize, journal = "off" }: BenchOptions) {
  const flags = new Map<string, unknown>(Object.entries({
    database,
    dataDir,
    http: "off",
    journal,
    workers: String(workers),
    batchSize: String(batchSize),
    capacity: String(Math.max(5000, batchSize * 2)),
  }));
  return loadConfig({ flags, env: () => undefined, dotenv: "/dev/null" });
}

/** Seconds that the sink takes for ready records. `more` is added to their volume, to make them changed. */
export async function sinkAlone(options: BenchOptions, bars: readonly Bar[], more = 0): Promise<number> {
  await using database = await openDatabase(benchConfig(options));
  await using sink = openSink("postgres", { database, kind: recordKind("bar"), deadlineMs: 60_000 });
  const never = new AbortController().signal;
  const now = Date.now() * 1000;
  const records = bars.map((bar, at) => ({ ...bar, volume: bar.volume + more, receivedAt: now + at }));
  const lanes = Array.from({ length: Math.min(options.workers, sink.maxLanes) }, () => sink.openLane());
  // Connections are there before the clock runs, as they are in a running ingester.
  await Promise.all(lanes.map((lane) => lane.write(rowsOf([]), never)));
  const started = performance.now();
  let at = 0;
  const batches = new ReadableStream<Bar[]>({
    pull(controller) {
      if (at >= records.length) return controller.close();
      controller.enqueue(records.slice(at, at += options.batchSize));
    },
  }, { highWaterMark: 0 });
  await distribute(
    batches,
    lanes.map((lane) =>
      new WritableStream<Bar[]>({
        async write(batch) {
          await lane.write(rowsOf(batch), never);
        },
      })
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  for (const lane of lanes) await lane[Symbol.asyncDispose]();
  return seconds;
}

/** Seconds from opening the file to the commit of its last row. */
export function endToEnd(options: BenchOptions, file: string): Promise<number> {
  return loadFiles(options, [file]);
}

/** Seconds from opening the first of files to the commit of the last row of all. */
export async function loadFiles(
  options: BenchOptions,
  file: readonly string[],
  format?: GivenFormat,
): Promise<number> {
  const loaded = benchConfig(options);
  const replay = createReplay({
    kinds: [recordKind("bar")],
    symbols: [],
    timeframe: "1m",
    tenant: "default",
    timeUnit: "iso",
    file,
    format,
    resume: false,
    dataDir: options.dataDir,
    provisional: false,
    pollSeconds: 60,
    variable: () => undefined,
  });
  await using tracing = options.traces === undefined ? undefined : createTracing((name) => options.traces![name]);
  await using app = await openApp({
    config: loaded,
    tenants: [{
      config: loaded,
      providers: [replay],
      kinds: ["bar"],
      listeners: tracing === undefined ? [] : [tracing.batches("default").listen],
      deadLetters: () => ({
        write(letters) {
          throw new Error(`the bench makes no dead letters: ${letters[0].reason}`);
        },
      }),
    }],
  });
  const started = performance.now();
  const { failure } = await app.run();
  if (failure !== undefined) throw failure;
  return (performance.now() - started) / 1000;
}

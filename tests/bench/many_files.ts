/**
 * Many files beside one: the same rows in a folder of files with their symbols in the names, and in a single file.
 *
 *     deno run -A tests/bench/many_files.ts [--files 500] [--rows 2000] [--rounds 3] [--read]
 *
 * Each round loads both into an empty table of a server of the bench's own, by turns; the ratio is that of the medians.
 * `--read` measures reading alone, without a pipeline or a database.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { createReplay } from "../../src/providers/replay.ts";
import { frameSize } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { createReceiveClock } from "../../src/records/record.ts";
import { given } from "../support/formats.ts";
import { startPostgres } from "../support/postgres.ts";
import { loadFiles } from "./barline.ts";

const args = parseArgs(Deno.args, { string: ["files", "rows", "rounds"], boolean: ["read"] });
const files = Number(args.files ?? 500);
const rows = Number(args.rows ?? 2000);
const rounds = Number(args.rounds ?? 3);
const FORMAT = given({ symbolFrom: ["{symbol}.txt"], timeframe: "1m", timeZone: "UTC", stamp: "start" });
const ONE = given({ timeframe: "1m", timeZone: "UTC", stamp: "start" });
const HEADER = "time,open,high,low,close,volume";

const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });
const folder = join(directory, "many");
await Deno.mkdir(folder);
const lines = Array.from({ length: rows }, (_, at) => {
  const time = new Date(Date.UTC(2024, 0, 2) + at * 60_000).toISOString().slice(0, 19);
  const open = (10_000 + at * 7919 % 1000) / 100;
  return `${time},${open},${open + 1},${open - 1},${(open + 0.5).toFixed(2)},${at % 977 + 1}`;
});
const single = join(directory, "one.csv");
{
  using file = await Deno.open(single, { create: true, write: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  await writer.write(encoder.encode(`symbol,${HEADER}\n`));
  for (let at = 0; at < files; at++) {
    await Deno.writeTextFile(join(folder, `S${at}.txt`), `${HEADER}\n${lines.join("\n")}\n`);
    await writer.write(encoder.encode(lines.map((line) => `S${at},${line}\n`).join("")));
  }
  await writer.close();
}

/** Seconds of reading alone, with each frame settled at once. */
async function read(path: string, format: ReturnType<typeof given>): Promise<number> {
  const provider = createReplay({
    kinds: [recordKind("bar")],
    symbols: [],
    timeframe: "1m",
    tenant: "default",
    timeUnit: "iso",
    format,
    file: [path],
    resume: false,
    dataDir: await Deno.makeTempDir({ dir: directory }),
    provisional: false,
    pollSeconds: 60,
    variable: () => undefined,
  });
  const started = performance.now();
  const frames = provider.open({
    stop: new AbortController().signal,
    clock: createReceiveClock(),
    pace: () => Promise.resolve(),
    warn: (message) => console.error(message),
    emit: () => {},
    newest: () => Promise.resolve(new Map()),
  });
  for await (const frame of frames) frame.ack("committed", frameSize(frame));
  await provider.close?.();
  return (performance.now() - started) / 1000;
}

await using server = args.read ? undefined : await startPostgres(["fsync = on", "max_wal_size = '4GB'"]);
const rates: Record<string, number[]> = { one: [], many: [] };
for (let round = 1; round <= rounds; round++) {
  for (const [name, path, format] of [["one", single, ONE], ["many", folder, FORMAT]] as const) {
    const seconds = server === undefined ? await read(path, format) : await loadFiles(
      {
        database: await server.createDatabase(),
        dataDir: await Deno.makeTempDir({ dir: directory }),
        workers: 4,
        batchSize: 5000,
      },
      [path],
      format,
    );
    rates[name].push(files * rows / seconds);
    console.error(`round ${round}: ${name}: ${Math.round(files * rows / seconds).toLocaleString("en-US")} rows/s`);
  }
}
const median = (name: string) => rates[name].toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
const shown = (count: number) => Math.round(count).toLocaleString("en-US");
console.log(
  `\n${shown(files)} files of ${shown(rows)} rows, median of ${rounds}${args.read ? ", reading alone" : ""}\n`,
);
console.log(`| one file | many files | ratio |\n|--:|--:|--:|`);
console.log(
  `| ${shown(median("one"))}/s | ${shown(median("many"))}/s | ${(median("many") / median("one")).toFixed(2)} |`,
);
await Deno.remove(directory, { recursive: true });

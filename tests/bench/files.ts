/**
 * Reading alone: files to frames, without a pipeline or a database.
 *
 *     deno run -A tests/bench/files.ts [--rows 500000] [--rounds 5] [--against ../other-checkout]
 *
 * Processor time a row, the best of the rounds, since others on the machine can only make it longer. `--against` measures another
 * checkout in the same run, by turns.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join, resolve, toFileUrl } from "@std/path";
import process from "node:process";
import { createReceiveClock } from "../../src/records/record.ts";
import type { Bar } from "../../src/records/bar.ts";
import { given } from "../support/formats.ts";
import { replicate } from "./data.ts";

const args = parseArgs(Deno.args, { string: ["rows", "rounds", "against"] });
const rows = Number(args.rows ?? 500_000);
const rounds = Number(args.rounds ?? 5);
const checkouts = [".", ...(args.against === undefined ? [] : [args.against])];

const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });
const bars = [...replicate(new URL("../fixtures/bars.csv", import.meta.url).pathname, rows)];
const time = ({ ts }: Bar) => new Date(ts).toISOString().replace(".000", "");
const fields = (bar: Bar) => [
  ...[bar.symbol, bar.timeframe, time(bar)],
  ...[bar.open, bar.high, bar.low, bar.close, bar.volume],
];
const HEADER = "symbol,timeframe,ts,open,high,low,close,volume";
const NAMES = HEADER.split(",");
const csv = [HEADER, ...bars.map((bar) => fields(bar).join(",")), ""].join("\n");
const gzip = new Blob([csv]).stream().pipeThrough(new CompressionStream("gzip"));

const files: Record<string, string | Uint8Array> = {
  "CSV": csv,
  "CSV, gzip": new Uint8Array(await new Response(gzip).arrayBuffer()),
  "CSV, all fields quoted": [HEADER, ...bars.map((bar) => `"${fields(bar).join('","')}"`), ""].join("\n"),
  "CSV, 17 digits a price": [
    HEADER,
    ...bars.map((bar) => fields(bar).map((field, at) => at > 2 && at < 7 ? `${field}0000000142` : field).join(",")),
    "",
  ].join("\n"),
  "CSV, 10,000 symbols": [
    HEADER,
    ...bars.map((bar, at) => [`S${at % 10_000}`, ...fields(bar).slice(1)].join(",")),
    "",
  ].join("\n"),
  "NDJSON": bars.map((bar) =>
    JSON.stringify(Object.fromEntries(fields(bar).map((field, at) => [NAMES[at], field]))) + "\n"
  ).join(""),
};

/** Minutes of one symbol, with Barline's own columns and as vendors write them: naive, of New York, stamped at their ends. */
const minute = (at: number, aheadMs = 0) =>
  new Date(Date.UTC(2000, 0, 3, 14, 30) + at * 60_000 + aheadMs).toISOString().slice(0, 19);
const values = bars.map(({ open, high, low, close, volume }) => [open, high, low, close, volume].join(","));
files["CSV, one symbol"] = [HEADER, ...values.map((each, at) => `MSFT,1m,${minute(at)}Z,${each}`), ""].join("\n");
const newYork = createStandardTime(bars.length);
files["naive local times, symbol in the name, stamp at the end"] = [
  "time,open,high,low,close,volume",
  ...values.map((each, at) => `${newYork[at]},${each}`),
  "",
].join("\n");

/** Ends of bars by the clock of New York, for each minute that it shows once. */
function createStandardTime(count: number): string[] {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "America/New_York",
    dateStyle: "short",
    timeStyle: "medium",
  });
  const texts: string[] = [];
  for (let ms = Date.UTC(2000, 0, 3, 14, 31); texts.length < count; ms += 60_000) {
    // The hour that exists twice has no single instant.
    const text = format.format(ms);
    const isTwice = text === format.format(ms - 3_600_000) || text === format.format(ms + 3_600_000);
    if (!isTwice) texts.push(text);
  }
  return texts;
}
const FOREIGN = given({
  symbolFrom: ["{symbol}.txt"],
  timeframe: "1m",
  timeZone: "America/New_York",
  stamp: "end",
});

/** Reads a file by the provider of a checkout, and gives the microseconds of processor time a row. */
async function measure(checkout: string, file: string, isForeign: boolean): Promise<number> {
  const load = (path: string) => import(toFileUrl(resolve(checkout, path)).href);
  const { createReplay } = await load("src/providers/replay.ts");
  const { recordKind } = await load("src/records/mod.ts");
  const provider = createReplay({
    kinds: [recordKind("bar")],
    symbols: [],
    timeframe: "1m",
    tenant: "default",
    timeUnit: "iso",
    format: isForeign ? FOREIGN : undefined,
    file: [file],
    resume: false,
    dataDir: directory,
    provisional: false,
    pollSeconds: 60,
    variable: () => undefined,
  });
  const context = {
    stop: new AbortController().signal,
    clock: createReceiveClock(),
    pace: () => Promise.resolve(),
    warn: (message: string) => console.error(message),
    emit: () => {},
    newest: () => Promise.resolve(new Map()),
  };
  const { user, system } = process.cpuUsage();
  for await (const { rejected } of provider.open(context)) {
    if (rejected.length > 0) throw new Error(`Cannot read "${file}": ${rejected[0].reason}`);
  }
  const now = process.cpuUsage();
  return (now.user + now.system - user - system) / rows;
}

console.log(`${rows.toLocaleString("en-US")} rows, best of ${rounds}\n`);
console.log(`| µs of processor time a row | ${checkouts.map((path) => path === "." ? "here" : path).join(" | ")} |`);
console.log(`|---|${"--:|".repeat(checkouts.length)}`);
for (const [name, content] of Object.entries(files)) {
  const file = join(directory, `bars${name.endsWith("gzip") ? ".csv.gz" : ".txt"}`);
  if (typeof content === "string") await Deno.writeTextFile(file, content);
  else await Deno.writeFile(file, content);
  const best = checkouts.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    for (const [at, checkout] of checkouts.entries()) {
      best[at] = Math.min(best[at], await measure(checkout, file, name.startsWith("naive")));
    }
  }
  console.log(`| ${name} | ${best.map((each) => each.toFixed(2)).join(" | ")} |`);
}
await Deno.remove(directory, { recursive: true });

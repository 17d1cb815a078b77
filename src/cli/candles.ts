/** `barline candles`. @module */
import type { Client } from "pg";
import {
  type BarChoice,
  type BarSeries,
  explainMissing,
  findBarSeries,
  type FoundSeries,
} from "../database/bar_series.ts";
import { withClient } from "../database/database.ts";
import type { Names } from "../database/names.ts";
import { openForReading } from "../database/open.ts";
import { DEFAULT_TIMEFRAME, TIMEFRAMES } from "../records/timeframe.ts";
import { writeAll } from "../storage/durable_files.ts";
import { printable } from "../telemetry/log.ts";
import { type Candle, drawCandles, fittingCandles, LEAST } from "./candles/chart.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { configOf, requireEmbedded } from "./database.ts";
import { writeTable } from "./query/table.ts";

/** Default and largest number of bars in a table. */
const TABLE_BARS = 20;
const MOST_BARS = 10_000;

/** Draws the last bars of a symbol, or prints them as a table if the output is not a terminal. */
export async function run(invocation: Invocation): Promise<number> {
  const { choice, last } = readArguments(invocation);
  const config = configOf(invocation);
  await requireEmbedded(config);
  const size = Deno.stdout.isTerminal() ? Deno.consoleSize() : undefined;
  const canDraw = size !== undefined && size.columns >= LEAST.columns && size.rows >= LEAST.rows;
  const count = last ?? (canDraw ? fittingCandles(size.columns) : TABLE_BARS);
  await using database = await openForReading(config);
  const { series, candles } = await withClient(database, async (client, names) => {
    const found = await findBarSeries(client, names, config.settings.tenant, choice);
    if (!found.ok) throw refusalOf(choice, found);
    return { series: found.series, candles: await readCandles(client, names, found.series, count) };
  });
  if (candles.length === 0) throw new Error(`Cannot draw ${JSON.stringify(choice.symbol)}: its series has no bars`);
  if (canDraw) {
    // The last line belongs to the shell.
    const options = { ...size, rows: size.rows - 1, color: !Deno.noColor, title: titleOf(choice, series, candles) };
    console.log(drawCandles(candles, options).join("\n"));
  } else await printTable(candles);
  return EXIT.done;
}

function readArguments({ words, flags }: Invocation): { choice: BarChoice; last?: number } {
  const [symbol, another] = words;
  if (symbol === undefined) throw new UsageError("Cannot draw: name a symbol, as in barline candles AAPL");
  if (another !== undefined) throw new UsageError(`Cannot understand "${another}": expected one symbol`);
  const text = (name: string) => {
    const value = flags.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const timeframe = text("timeframe") ?? DEFAULT_TIMEFRAME;
  if (!TIMEFRAMES.has(timeframe)) {
    throw new UsageError(
      `Cannot use --timeframe: current value is ${JSON.stringify(timeframe)}, expected one of ${
        [...TIMEFRAMES.keys()].join(", ")
      }`,
    );
  }
  const last = text("last");
  if (last !== undefined && !(/^\d+$/.test(last) && Number(last) >= 1 && Number(last) <= MOST_BARS)) {
    throw new UsageError(
      `Cannot use --last: current value is ${JSON.stringify(last)}, expected a whole number from 1 to ${MOST_BARS}`,
    );
  }
  return {
    choice: { symbol, provider: text("provider"), timeframe },
    last: last === undefined ? undefined : Number(last),
  };
}

function refusalOf(choice: BarChoice, found: Extract<FoundSeries, { ok: false }>): Error {
  const message = explainMissing(choice, found, "give --provider and one of");
  if (found.providers !== undefined) return new UsageError(message);
  return new Error(found.stored.length > 0 ? message : `${message}, barline query 'TABLE series' lists them`);
}

/** The last bars, oldest first. */
async function readCandles(client: Client, { of }: Names, { id, view }: BarSeries, count: number): Promise<Candle[]> {
  const { rows } = await client.query(
    `SELECT (extract(epoch FROM b.ts) * 1000)::float8 AS ts, b.open, b.high, b.low, b.close, b.volume
FROM ${of(view)} b WHERE b.series_id = $1 AND isfinite(b.ts) ORDER BY b.ts DESC LIMIT $2`,
    [id, count],
  );
  return rows.reverse();
}

const minute = (ts: number) => new Date(ts).toISOString().slice(0, 16).replace("T", " ");

function titleOf({ symbol, timeframe }: BarChoice, { provider }: BarSeries, candles: readonly Candle[]): string {
  const [first, last] = [candles[0], candles.at(-1)!];
  const change = (last.close / first.open - 1) * 100;
  const sign = change > 0 ? "+" : "";
  const moved = Number.isFinite(change) ? `  ${sign}${change.toFixed(2)} %` : "";
  const [from, to] = [minute(first.ts), minute(last.ts)];
  const range = `${from} to ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to} UTC`;
  return `${printable(symbol)} ${timeframe} ${printable(provider)}  ${last.close}${moved}  ${range}`;
}

async function printTable(candles: readonly Candle[]): Promise<void> {
  const names = ["open", "high", "low", "close", "volume"] as const;
  const table = writeTable(
    [{ name: "ts", type: "text" }, ...names.map((name) => ({ name, type: "double" as const }))],
    (bytes) => writeAll(Deno.stdout, bytes),
  );
  const toRow = (candle: Candle) => [
    new Date(candle.ts).toISOString().replace(".000Z", "Z"),
    ...names.map((name) => String(candle[name])),
  ];
  await table.write(candles.map(toRow));
  await table.end();
}

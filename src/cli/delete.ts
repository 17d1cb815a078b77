/** `barline delete`. @module */
import type { Config } from "../config/load.ts";
import { checkRights } from "../database/load_undo.ts";
import {
  ALWAYS,
  chooseSeries,
  countRows,
  deleteRows,
  type RowTimes,
  type SeriesChoice,
} from "../database/series_rows.ts";
import { rowName } from "../providers/mod.ts";
import { recordKind } from "../records/mod.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { configOf, isConfirmed, withDatabase } from "./database.ts";
import { count } from "./loads_report.ts";
import { readTimes } from "./time.ts";

/** Deletes records of series, or previews that. */
export async function run(invocation: Invocation): Promise<number> {
  const config = configOf(invocation);
  const { json, kind: kinds } = config.settings;
  const times = rowTimesOf(invocation);
  const choices = choicesOf(config);
  const isDry = invocation.flags.has("dry-run");
  return await withDatabase(config, async (client, names) => {
    const found = (await Promise.all(choices.map((choice) => chooseSeries(client, names, choice)))).flat();
    const series: { symbol: string; kind: string; provider: string; timeframe: string; rows: number }[] = [];
    if (!isDry) await checkRights(client, names, kinds.map((kind) => recordKind(kind).table));
    for (const each of found) {
      const rows = await countRows(client, names, each, times);
      if (rows === 0) continue;
      const { provider, symbol, timeframe, kind } = each;
      series.push({ provider, symbol, timeframe, kind, rows });
      if (!json) console.log(printable(`${kind} ${provider} ${symbol} ${timeframe}: ${count(rows)}`));
    }
    const total = series.reduce((sum, { rows }) => sum + rows, 0);
    // Others may write between the count and the end: only the statements return the number of deleted rows.
    let deleted = isDry ? total : 0;
    if (!isDry && total > 0) {
      if (!isConfirmed(invocation, `Delete ${count(total)} records of ${count(series.length)} series for good?`)) {
        return EXIT.done;
      }
      for (const each of found) deleted += await deleteRows(client, names, each, times);
    }
    if (json) console.log(printable(JSON.stringify({ dryRun: isDry, deleted, series })));
    else {
      console.log(`${isDry ? "Would delete" : "Deleted"} ${count(deleted)} records of ${count(series.length)} series`);
    }
    return EXIT.done;
  });
}

function rowTimesOf({ flags }: Invocation): RowTimes {
  const { from, to } = readTimes(flags, "delete");
  return {
    first: from === undefined ? ALWAYS.first : new Date(from).toISOString(),
    last: to === undefined ? ALWAYS.last : new Date(to - 1).toISOString().replace("Z", "999Z"),
  };
}

/** The series named by the user; defaults do not count. */
export function choicesOf({ settings, sources }: Config): SeriesChoice[] {
  const { tenant, provider, symbols, timeframe, kind } = settings;
  const isGiven = (name: "symbols" | "timeframe") => sources.get(name) !== "default";
  if (provider.length === 0 && !isGiven("symbols") && !isGiven("timeframe")) {
    throw new UsageError("Cannot choose the series: give --provider, --symbols or --timeframe");
  }
  if (typeof timeframe !== "string" || isGiven("symbols") && !Array.isArray(symbols)) {
    throw new UsageError("Cannot choose the series: give --symbols and --timeframe as lists, not by provider");
  }
  return kind.map((kind) => ({
    tenant,
    kind,
    providers: provider.length === 0 ? undefined : provider.map(rowName),
    symbols: isGiven("symbols") ? symbols as readonly string[] : undefined,
    timeframes: isGiven("timeframe") ? [timeframe] : undefined,
  }));
}

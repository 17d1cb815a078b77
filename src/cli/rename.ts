/** `barline rename`. @module */
import { checkRights } from "../database/load_undo.ts";
import { ALWAYS, chooseSeries, type ChosenSeries, countRows, moveRows } from "../database/series_rows.ts";
import { rowName } from "../providers/mod.ts";
import { recordKind, recordKinds } from "../records/mod.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { configOf, isConfirmed, withDatabase } from "./database.ts";
import { count } from "./loads_report.ts";

/** Moves the records of symbols to others. */
export async function run(invocation: Invocation): Promise<number> {
  const symbols = readSymbols(invocation);
  const config = configOf(invocation);
  const { tenant, provider, json } = config.settings;
  const isDry = invocation.flags.has("dry-run");
  const providers = provider.length === 0 ? undefined : provider.map(rowName);
  return await withDatabase(config, async (client, names) => {
    const found: ChosenSeries[] = [];
    for (const kind of Object.keys(recordKinds)) {
      found.push(...await chooseSeries(client, names, { tenant, kind, providers, symbols: [...symbols.keys()] }));
    }
    const counted: { series: ChosenSeries; rows: number }[] = [];
    for (const series of found) counted.push({ series, rows: await countRows(client, names, series, ALWAYS) });
    const total = counted.reduce((sum, { rows }) => sum + rows, 0);
    if (!isDry && total > 0) {
      await checkRights(client, names, Object.keys(recordKinds).map((kind) => recordKind(kind).table));
      if (!isConfirmed(invocation, `Rename ${count(total)} records of ${count(found.length)} series?`)) {
        return EXIT.done;
      }
    }
    const renamed: object[] = [];
    for (const { series, rows } of counted) {
      const { kind, provider, symbol, timeframe } = series;
      const to = symbols.get(symbol)!;
      const { moved, superseded } = isDry
        ? { moved: rows, superseded: undefined }
        : await moveRows(client, names, series, tenant, to);
      renamed.push({ kind, provider, timeframe, from: symbol, to, moved, superseded });
      if (json) continue;
      const older = superseded ? `, ${count(superseded)} of them older than a record of ${to}` : "";
      console.log(
        printable(
          `${kind} ${provider} ${symbol} ${timeframe}: ${isDry ? "would move" : "moved"} ${
            count(moved)
          } to ${to}${older}`,
        ),
      );
    }
    if (json) console.log(printable(JSON.stringify({ dryRun: isDry, series: renamed })));
    else if (total === 0) console.log("No records to rename");
    return EXIT.done;
  });
}

/** New symbols by the old ones. */
function readSymbols({ flags }: Invocation): ReadonlyMap<string, string> {
  const text = flags.get("symbols");
  const pairs = typeof text === "string" ? text.split(",").map((pair) => pair.trim().split("=")) : [];
  const bad = pairs.find(([from, to, ...more]) => !from || !to || from === to || more.length > 0);
  if (pairs.length === 0 || bad !== undefined) {
    throw new UsageError(
      `Cannot rename: current value of --symbols is ${JSON.stringify(text ?? "")}, expected OLD=NEW, as in FB=META`,
    );
  }
  return new Map(pairs.map(([from, to]) => [from, to]));
}

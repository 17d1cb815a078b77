/** `barline gaps`. @module */
import type { Client } from "pg";
import { closestString } from "@std/text/closest-string";
import { type Config, loadConfig } from "../config/load.ts";
import { isMapping, valueOf } from "../config/per_provider.ts";
import { takeUpDeletions } from "../database/deletions.ts";
import { sqlState } from "../database/faults.ts";
import type { Names } from "../database/names.ts";
import { openForReading } from "../database/open.ts";
import { readKnown } from "../gaps/known.ts";
import { describeGap } from "../gaps/outcome.ts";
import { findGaps } from "../gaps/scan.ts";
import { type RequestedRange, scopeOf } from "../gaps/scope.ts";
import { listSeries, type SeriesFilter, type StoredSeries } from "../gaps/series.ts";
import { type ScopedSeries, takeSlice } from "../gaps/slice.ts";
import { findUnknown } from "../gaps/unknown.ts";
import { namesOf, providers as registry, rowName } from "../providers/mod.ts";
import type { SeriesKey } from "../records/record.ts";
import { describeError } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { withDatabase } from "./database.ts";
import { type GapReport, reportJson, reportTable } from "./gaps_report.ts";
import { repairSlice } from "./gaps_repair.ts";
import { readTime } from "./time.ts";

/** Finds missing bars, and fetches them. */
export async function run(invocation: Invocation): Promise<number> {
  const range = readRange(invocation);
  const loaded = loadConfig({
    flags: invocation.options,
    env: Deno.env.get,
    file: invocation.configFile,
    oneTenant: true,
  });
  // Options of live runs in a file do not matter here. History can be read again: it needs no journal.
  const config = { ...loaded, settings: { ...loaded.settings, limit: undefined, journal: "off" as const } };
  const report = (config.settings.json ? reportJson : reportTable)(
    createWriter(),
    invocation.flags.has("explain"),
  );
  const work = invocation.flags.has("repair") ? repair : find;
  const isDone = await work(config, range, report).catch((error) => {
    if (!(error instanceof UsageError)) report.fail(error);
    throw error;
  });
  const { missing, unrepairable } = report.end();
  return missing + unrepairable > 0 || !isDone ? EXIT.failed : EXIT.done;
}

function readRange({ flags }: Invocation): RequestedRange {
  const [from, to] = [readTime(flags, "from"), readTime(flags, "to")];
  if (from === undefined || from < Math.min(to ?? Infinity, Date.now())) return { from, to };
  const end = flags.get("to") ?? "now";
  throw new UsageError(
    `Cannot look from ${flags.get("from")} to ${end}: expected a start before the end, and in the past`,
  );
}

/** The series named by the user; defaults do not count. */
function readFilter({ settings: { tenant, provider, symbols }, sources }: Config): SeriesFilter {
  const names = provider.length > 0 ? provider : isMapping(symbols) ? Object.keys(symbols) : undefined;
  const named = isMapping(symbols)
    ? names!.flatMap((name) => valueOf<readonly string[]>(symbols, namesOf(name)) ?? [])
    : symbols;
  return {
    tenant,
    providers: names?.map(rowName),
    symbols: sources.get("symbols") === "default" ? undefined : named,
  };
}

/** Reports missing bars. Returns whether all requested symbols have bars. */
async function find(config: Config, range: RequestedRange, report: GapReport): Promise<boolean> {
  return await withDatabase(config, async (client, names) => {
    const { queue, isComplete } = await listScoped(client, names, config, range, report);
    for (const { series, scope } of queue) {
      report.series(series);
      for await (const gap of findGaps({ client, names, seriesId: series.id, ...scope })) report.gap(describeGap(gap));
      const known = await readKnown(client, names, series.id, scope.from, scope.doubtsTo);
      for (const { doubt } of known) if (doubt !== undefined) report.doubt(doubt);
      for (const range of findUnknown(series, scope, known)) report.unknown(range);
    }
    return isComplete;
  }, openForReading);
}

/** Repairs missing bars, and reports them. Returns whether every possible request was made. */
async function repair(config: Config, range: RequestedRange, report: GapReport): Promise<boolean> {
  const { queue, isComplete } = await withDatabase(
    config,
    (client, names) => listScoped(client, names, config, range, report),
  );
  let isDone = isComplete;
  let last: StoredSeries | undefined;
  while (queue.length > 0) {
    // The connection ends before the repair, which has its own: the embedded database has only one.
    const parts = await withDatabase(config, (client, names) => takeSlice(client, names, queue));
    const repaired = await repairSlice(config, parts);
    for (const [at, { series }] of parts.entries()) {
      if (series !== last) report.series(series);
      last = series;
      for (const gap of repaired.outcomes[at]) report.gap(gap);
      for (const doubt of repaired.doubts[at]) report.doubt(doubt);
      for (const range of repaired.unknown[at]) report.unknown(range);
    }
    isDone &&= repaired.isDone;
    if (repaired.isStopped) return false;
  }
  return isDone;
}

/** SQLSTATE of a write into a server or a session that is read-only. */
const READ_ONLY = "25006";

/** The series to check, and whether all requested symbols have bars. */
async function listScoped(client: Client, names: Names, config: Config, range: RequestedRange, report: GapReport) {
  await takeUpDeletions(client, names).catch((error) => {
    // A replica is read in its present state.
    if (sqlState(error) === READ_ONLY) return;
    console.error(`Cannot look for lost partitions and chunks of bars: ${describeError(error)}`);
  });
  const filter = readFilter(config);
  const { symbols } = config.settings;
  const ofProvider = (name: string) => valueOf<readonly string[]>(symbols, namesOf(name));
  const stored = (await listSeries(client, names, filter))
    .filter(({ provider, symbol }) => !isMapping(symbols) || ofProvider(provider)?.includes(symbol));
  const isComplete = tellOfAbsent(filter, stored, report);
  const queue: ScopedSeries[] = [];
  for (const series of stored) {
    const scope = scopeOf(series, range);
    if (typeof scope === "string") report.skip(series, scope);
    else queue.push({ series, scope });
  }
  return { queue, isComplete };
}

/**
 * Prints symbols without any stored bar. Returns whether all have some.
 *
 * @throws {UsageError} If there are no bars of a provider that does not exist.
 */
function tellOfAbsent({ providers, symbols }: SeriesFilter, stored: readonly SeriesKey[], report: GapReport): boolean {
  const known = Object.keys(registry);
  for (const name of providers ?? []) {
    if (known.includes(name) || stored.some(({ provider }) => provider === name)) continue;
    throw new UsageError(
      `Cannot look for gaps of ${JSON.stringify(name)}: there is no such provider, and no bars of it are stored, ` +
        `did you mean "${closestString(name, known)}"?`,
    );
  }
  const absent = symbols?.filter((name) => !stored.some(({ symbol }) => symbol === name)) ?? [];
  for (const symbol of absent) report.skip({ symbol }, "no bars of it are stored");
  return absent.length === 0;
}

/** Most text held back until its line ends, in UTF-16 units. */
const HELD = 65_536;

/** Writes to standard output line by line, or long lines piece by piece. */
function createWriter(): (text: string) => void {
  const encoder = new TextEncoder();
  let held = "";
  return (text) => {
    held += text;
    if (!held.endsWith("\n") && held.length < HELD) return;
    for (let rest = encoder.encode(held); rest.length > 0;) rest = rest.subarray(Deno.stdout.writeSync(rest));
    held = "";
  };
}

/**
 * Repairs gaps from the providers' history, through the same pipeline as live bars. The backfill keeps the proof of the
 * answers in the coverage of the series, which is read back here.
 *
 * @module
 */
import { openApp } from "../app/app.ts";
import { makePastProviders } from "../app/configured.ts";
import type { Config } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import type { Doubt } from "../coverage/coverage.ts";
import { prepareDataDir, tenantDirectory } from "../storage/data_dir.ts";
import { withClient } from "../database/database.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { openDeadLetters } from "../dead_letters/write.ts";
import { type Denial, reconcileGaps } from "../gaps/reconcile.ts";
import { readKnown } from "../gaps/known.ts";
import type { GapOutcome } from "../gaps/outcome.ts";
import { findGaps } from "../gaps/scan.ts";
import { type Part, planRequests } from "../gaps/slice.ts";
import { findUnknown, type Unknown } from "../gaps/unknown.ts";
import { hasHistory } from "../providers/mod.ts";
import type { Provider } from "../providers/provider.ts";
import type { Interval } from "../records/intervals.ts";
import { configureLog } from "../telemetry/log.ts";
import { logEvents } from "../telemetry/log_events.ts";
import { startProgress } from "./progress.ts";
import { stopOnSignals } from "./signals.ts";

/** Result of a repair. */
export interface Repair {
  /** Outcomes of the gaps of each part, in the order of the parts. */
  readonly outcomes: readonly (readonly GapOutcome[])[];
  /** Doubts of each part after the repair. */
  readonly doubts: readonly (readonly Doubt[])[];
  /** Unknown ranges of each part after the repair. */
  readonly unknown: readonly (readonly Unknown[])[];
  /** Whether everything in history was read and stored. */
  readonly isDone: boolean;
  /** Whether the user has stopped the repair. */
  readonly isStopped: boolean;
}

/**
 * Repairs a slice.
 *
 * @throws {Error} If the database cannot be used.
 */
export async function repairSlice(config: Config, parts: readonly Part[]): Promise<Repair> {
  const plans = new Map(parts.map((part) => [part.series.symbol, planRequests(part)]));
  for (const [symbol, plan] of plans) if (plan.length === 0) plans.delete(symbol);
  const { stepMs } = parts[0].scope;
  const unanswered = (isDone: boolean, denied: readonly Denial[] = []): Repair => ({
    outcomes: parts.map(({ gaps }) => reconcileGaps(gaps, gaps, denied)),
    doubts: parts.map(({ doubts }) => doubts),
    unknown: parts.map(({ unknown }) => unknown),
    isDone,
    isStopped: false,
  });
  if (plans.size === 0) return unanswered(true);
  const { provider } = parts[0].series;
  const made = hasHistory(provider) ? makeProvider(config, parts[0].series, [...plans.keys()]) : undefined;
  if (made === "unusable") return unanswered(false);
  if (made?.backfill === undefined) {
    const reason = `${provider} has no history`;
    console.error(`${reason} to repair gaps from`);
    return unanswered(false, [{ interval: [-Infinity, Infinity], reason }]);
  }

  const denied = new Map<string, Denial[]>(parts.map(({ series: { symbol } }) => [symbol, []]));
  const past = made.backfill({
    from: Math.min(...parts.map(({ scope }) => scope.from)),
    to: Math.max(...parts.map(({ scope }) => scope.to)),
    restart: true,
    only: plans,
    onDenied: (symbol, interval, reason) => denied.get(symbol)!.push({ interval: wholeBars(interval, stepMs), reason }),
  });
  return await runRepair(config, past, parts, denied);
}

/** Creates the provider of the slice; prints problems of its settings. */
function makeProvider(
  config: Config,
  { provider, timeframe }: { provider: string; timeframe: string },
  symbols: string[],
): Provider | "unusable" {
  const settings = { ...config.settings, provider: [provider], timeframe: timeframe as Settings["timeframe"], symbols };
  const made = makePastProviders({ ...config, settings });
  if (made.ok) return made.value[0];
  for (const { key, message } of made.problems) {
    console.error(`Cannot repair gaps of ${provider}: "${key}": ${message}`);
  }
  return "unusable";
}

/** Streams a provider's history into the database, and checks again. */
async function runRepair(
  config: Config,
  past: Provider,
  parts: readonly Part[],
  denied: ReadonlyMap<string, readonly Denial[]>,
): Promise<Repair> {
  const { settings } = config;
  const directory = tenantDirectory(settings);
  await prepareDataDir(directory);
  await using running = new AsyncDisposableStack();
  const progress = startProgress();
  await configureLog({ level: settings.logLevel, format: settings.logFormat, beforeLine: progress.clear });
  const app = running.use(
    await openApp({
      // Repaired bars are looked up in the tables.
      config: { ...config, settings: { ...settings, sink: "postgres" } },
      tenants: [{
        config,
        providers: [past],
        kinds: ["bar"],
        deadLetters: (emit) => openDeadLetters({ directory: deadLetterDirectory(directory), emit, warn: progress.say }),
        listeners: [logEvents()],
      }],
    }),
  );
  running.use(stopOnSignals(app, progress.say));
  running.defer(progress.stop);
  progress.start(app);
  const { failure } = await app.run();
  progress.stop();
  const isStopped = app.health().stopping;
  const looked = await withClient(app.store.database!, async (client, names) => {
    const all: { outcomes: GapOutcome[]; doubts: Doubt[]; unknown: Unknown[] }[] = [];
    for (const { series, scope, gaps } of parts) {
      const after = gaps.length === 0
        ? []
        : await Array.fromAsync(findGaps({ client, names, seriesId: series.id, ...scope }));
      const known = await readKnown(client, names, series.id, scope.from, scope.doubtsTo);
      all.push({
        outcomes: reconcileGaps(gaps, after, denied.get(series.symbol)!),
        doubts: known.flatMap(({ doubt = [] }) => doubt),
        unknown: findUnknown(series, scope, known),
      });
    }
    return all;
  });
  return {
    outcomes: looked.map(({ outcomes }) => outcomes),
    doubts: looked.map(({ doubts }) => doubts),
    unknown: looked.map(({ unknown }) => unknown),
    isDone: failure === undefined,
    isStopped,
  };
}

/** The whole bars inside an interval. */
function wholeBars([from, to]: Interval, stepMs: number): Interval {
  return [Math.ceil(from / stepMs) * stepMs, Math.floor(to / stepMs) * stepMs];
}

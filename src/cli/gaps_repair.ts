/**
 * Repairs gaps from the providers' history, through the same pipeline as live bars, and remembers where there was nothing.
 *
 * @module
 */
import { openApp } from "../app.ts";
import type { Config, ConfigProblem } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import { prepareDataDir, tenantDirectory } from "../data_dir.ts";
import { withClient } from "../database/database.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { type DeadLetters, openDeadLetters } from "../dead_letters/write.ts";
import { type Answer, judgeGaps } from "../gaps/judge.ts";
import { rememberNoTrade } from "../gaps/no_trade.ts";
import type { GapOutcome } from "../gaps/outcome.ts";
import { findGaps } from "../gaps/scan.ts";
import { type Part, planRequests } from "../gaps/slice.ts";
import { hasHistory } from "../providers/mod.ts";
import type { Provider } from "../providers/provider.ts";
import { type Interval, unite } from "../records/intervals.ts";
import { configureLog } from "../telemetry/log.ts";
import { logEvents } from "../telemetry/log_events.ts";
import { startProgress } from "./progress.ts";
import { createPastProviders } from "./providers.ts";
import { stopOnSignals } from "./signals.ts";

/** What a repair came to. */
export interface Repair {
  /** What became of the gaps of each part, in the order of the parts. */
  readonly outcomes: readonly (readonly GapOutcome[])[];
  /** Whether all that history has was read and stored. */
  readonly isDone: boolean;
  /** Whether the user has stopped it. */
  readonly isStopped: boolean;
}

/** Runs of refused bars of a symbol that are told apart. */
const MAX_REFUSED = 1000;
/** How long after its end a bar may still come into history: late trades make some up to a quarter of an hour later. */
const YOUNG_MS = 60 * 60_000;

/**
 * Repairs a slice.
 *
 * @throws {Error} If the database cannot be used.
 */
export async function repairSlice(config: Config, parts: readonly Part[]): Promise<Repair> {
  const plans = new Map(parts.map((part) => [part.series.symbol, planRequests(part)]));
  for (const [symbol, plan] of plans) if (plan.length === 0) plans.delete(symbol);
  const { stepMs } = parts[0].scope;
  const youngFrom = Math.floor((Date.now() - YOUNG_MS) / stepMs) * stepMs;
  const unanswered = (isDone: boolean, denied: Answer["denied"] = []): Repair => ({
    outcomes: parts.map(({ gaps }) => judgeGaps(gaps, gaps, { ...createAnswer(youngFrom), denied })),
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

  const answers = new Map(parts.map(({ series: { symbol } }) => [symbol, createAnswer(youngFrom)]));
  const past = made.backfill({
    from: Math.min(...parts.map(({ scope }) => scope.from)),
    to: Math.max(...parts.map(({ scope }) => scope.to)),
    restart: true,
    only: plans,
    onRead(symbol, interval, reach) {
      const answer = answers.get(symbol)!;
      answer.read = unite(answer.read, interval);
      answer.reach = Math.max(answer.reach, Math.ceil(reach / stepMs) * stepMs);
    },
    onDenied(symbol, interval, reason) {
      const answer = answers.get(symbol)!;
      answer.denied = [...answer.denied, { interval: wholeBars(interval, stepMs), reason }];
    },
  });
  return await runRepair(config, past, parts, answers);
}

/** An answer that comes in piece by piece. */
type GrowingAnswer = { -readonly [Name in keyof Answer]: Answer[Name] };

const createAnswer = (youngFrom: number): GrowingAnswer => ({
  read: [],
  refused: [],
  denied: [],
  reach: -Infinity,
  youngFrom,
});

/** The provider of the slice; where its settings do not do, that is told. */
function makeProvider(
  config: Config,
  { provider, timeframe }: { provider: string; timeframe: string },
  symbols: string[],
): Provider | "unusable" {
  const problems: ConfigProblem[] = [];
  const settings = { ...config.settings, provider: [provider], timeframe: timeframe as Settings["timeframe"], symbols };
  const [made] = createPastProviders({ ...config, settings }, problems);
  for (const { key, message } of problems) console.error(`Cannot repair gaps of ${provider}: "${key}": ${message}`);
  return problems.length > 0 ? "unusable" : made;
}

/** Streams a provider's past into the database, and looks again. */
async function runRepair(
  config: Config,
  past: Provider,
  parts: readonly Part[],
  answers: ReadonlyMap<string, GrowingAnswer>,
): Promise<Repair> {
  const { settings } = config;
  const directory = tenantDirectory(settings);
  await prepareDataDir(directory);
  await using running = new AsyncDisposableStack();
  const progress = startProgress();
  await configureLog({ level: settings.logLevel, format: settings.logFormat, beforeLine: progress.clear });
  const { scope: { stepMs } } = parts[0];
  const app = running.use(
    await openApp({
      // What is repaired is looked for in the tables.
      config: { ...config, settings: { ...settings, sink: "postgres" } },
      tenants: [{
        config,
        providers: [past],
        kinds: ["bar"],
        deadLetters: (tell) =>
          noteRefused(
            openDeadLetters({ directory: deadLetterDirectory(directory), tell, notice: progress.say }),
            (symbol, ts) => {
              const answer = answers.get(symbol);
              if (answer !== undefined) {
                answer.refused = addRefused(answer.refused, Math.floor(ts / stepMs) * stepMs, stepMs);
              }
            },
          ),
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
  const outcomes = await withClient(app.store.database!, async (client) => {
    const all: GapOutcome[][] = [];
    for (const { series, scope, gaps } of parts) {
      const after = gaps.length === 0 ? [] : await Array.fromAsync(findGaps({ client, seriesId: series.id, ...scope }));
      const answer = answers.get(series.symbol)!;
      const judged = judgeGaps(gaps, after, { ...answer, read: answer.read.map((each) => wholeBars(each, stepMs)) });
      const quiet = judged.filter(({ state, wasKnown }) => state === "no-trade" && !wasKnown);
      if (quiet.length > 0) await rememberNoTrade(client, series.id, quiet);
      all.push(judged);
    }
    return all;
  });
  return { outcomes, isDone: failure === undefined, isStopped };
}

/** The bars of an interval that lie in it wholly. */
function wholeBars([from, to]: Interval, stepMs: number): Interval {
  return [Math.ceil(from / stepMs) * stepMs, Math.floor(to / stepMs) * stepMs];
}

/** Notes a bar that was refused; where there are too many to note, any may have been. */
function addRefused(refused: readonly Interval[], slot: number, stepMs: number): readonly Interval[] {
  return refused.length < MAX_REFUSED ? unite(refused, [slot, slot + stepMs]) : [[-Infinity, Infinity]];
}

/** Tells of each bar that goes to the dead letters: history has it, although it cannot be stored. */
function noteRefused(letters: DeadLetters, onRefused: (symbol: string, ts: number) => void): DeadLetters {
  return {
    write(given) {
      for (const { item } of given) {
        const { symbol, ts } = (item ?? {}) as { symbol?: unknown; ts?: unknown };
        const ms = typeof ts === "number" ? ts : Date.parse(String(ts));
        if (typeof symbol === "string" && !Number.isNaN(ms)) onRefused(symbol, ms);
      }
      return letters.write(given);
    },
  };
}

/**
 * A run of providers from the command line: log, progress, HTTP, signals and summary around the app.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { type App, openApp } from "../app.ts";
import { openSharing, type Share, type Sharing } from "../app/cluster.ts";
import type { Config } from "../config/load.ts";
import { prepareDataDir } from "../data_dir.ts";
import { replayAtStart, type ReplayReport } from "../dead_letter_replay.ts";
import { createLetterCounter } from "../dead_letters/count.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { openDeadLetters } from "../dead_letters/write.ts";
import { type Reload, startHttp } from "../http/start.ts";
import type { Provider } from "../providers/provider.ts";
import { createLatencyDistribution } from "../telemetry/latency.ts";
import { configureLog, describeError } from "../telemetry/log.ts";
import { logEvents } from "../telemetry/log_events.ts";
import { EXIT } from "./command.ts";
import { startProgress } from "./progress.ts";
import { reloadOnSignal, stopOnSignals } from "./signals.ts";
import { exitCode, summarize } from "./summary.ts";

/** Whether OpenTelemetry is on, by the variable that turns Deno's on. */
const isTracing = (variable: (name: string) => string | undefined) =>
  ["true", "1"].includes(variable("OTEL_DENO") ?? "");

/** Options of {@linkcode streamBars}. */
export interface StreamOptions {
  /** Makes what reads the configuration again, where that is possible. */
  makeReload?: (app: App, sharing: Sharing | undefined) => Reload;
  /** Makes the providers of some shards, where this instance is one of several. */
  share?: Share;
}

/** Streams the providers' bars into the database until they end or a signal comes, and gives the exit code. */
export async function streamBars(
  config: Config,
  providers: readonly Provider[],
  { makeReload, share }: StreamOptions = {},
): Promise<number> {
  const { settings } = config;
  await prepareDataDir(settings.dataDir);
  const directory = deadLetterDirectory(settings.dataDir);

  await using running = new AsyncDisposableStack();
  const latency = createLatencyDistribution();
  const progress = startProgress();
  await configureLog({ level: settings.logLevel, format: settings.logFormat, beforeLine: progress.clear });

  // Loaded where it is wanted: it is of no use without a collector.
  const tracing = isTracing(Deno.env.get)
    ? running.use((await import("../telemetry/tracing.ts")).createTracing(Deno.env.get))
    : undefined;
  const traced = tracing === undefined ? [] : [tracing.listen];
  const app = running.use(
    await openApp({
      config,
      providers,
      isShared: share !== undefined,
      kinds: settings.kind,
      deadLetters: (tell) => openDeadLetters({ directory, tell, notice: progress.say }),
      listeners: [...traced, logEvents(tracing), (event) => {
        if (event.type === "committed") latency.add(Date.now() - event.receivedAt / 1000, event.count);
      }],
    }),
  );
  const sharing = share && running.use(await openSharing({ config, app, share }));
  const reload = makeReload?.(app, sharing);
  // Who is told that it serves may reload at once.
  if (reload !== undefined) running.use(reloadOnSignal(reload));
  if (settings.http !== "off") {
    const deadLettersWaiting = createLetterCounter(directory);
    running.use(
      startHttp({ app, config, deadLettersWaiting, reload, onRoute: tracing?.route, cluster: sharing?.overview }),
    );
  }
  const signals = running.use(stopOnSignals(app, progress.say));
  running.defer(progress.stop);
  if (settings.dlqAutoReplay === "on") await replayAtStart(app, config).then(tellReplay, tellReplayFailure);
  progress.start(app, providers);
  await sharing?.start();

  const started = performance.now();
  const outcome = await app.run();
  progress.stop();
  console.log(summarize({
    outcome,
    seconds: (performance.now() - started) / 1000,
    latency,
    deadLetterDirectory: directory,
    json: settings.json,
  }));
  return signals.aborted() ? EXIT.aborted : exitCode(outcome);
}

function tellReplay(report: ReplayReport | undefined): void {
  if (report === undefined) return;
  const { removed, refused, outcome } = report;
  getLogger("barline").info("Replayed {removed} dead letters of earlier runs; {refused} stay", { removed, refused });
  if (outcome.failure !== undefined) tellReplayFailure(outcome.failure);
}

/** What cannot be replayed now keeps nobody from ingesting: it lies there still. */
function tellReplayFailure(error: unknown): void {
  const what = describeError(error);
  getLogger("barline").warn("Cannot replay the dead letters of earlier runs: {error}", { error: what });
}

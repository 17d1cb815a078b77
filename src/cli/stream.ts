/**
 * A run from the command line: log, progress, HTTP, signals and summary around the app.
 *
 * @module
 */
import { startArchiver } from "../app/archiver.ts";
import { getLogger } from "@logtape/logtape";
import type { Tenant } from "../app/app.ts";
import type { ReplayReport } from "../app/dead_letter_replay.ts";
import type { LoadedRun } from "../app/loaded.ts";
import { openReaders } from "../app/readers.ts";
import { openRun, type RunOptions } from "../app/run.ts";
import { TOKEN_VARIABLE } from "../http/address.ts";
import { startHttp } from "../http/start.ts";
import { configureLog, describeError, literally, printable } from "../telemetry/log.ts";
import { logEvents, loggerOf } from "../telemetry/log_events.ts";
import { endOf } from "./exit.ts";
import { dlqCommand } from "./hint.ts";
import { marketsOf, reportMarkets } from "./markets.ts";
import { startProgress } from "./progress.ts";
import { describeStart, placesOf } from "./start_line.ts";
import { endOnEarlySignals, reloadOnSignal, stopOnSignals, stoppedEarly } from "./signals.ts";
import { summarize, summarizeUnbegun } from "./summary.ts";

/** Whether Deno's OpenTelemetry is on. */
const isTracing = (variable: (name: string) => string | undefined) =>
  ["true", "1"].includes(variable("OTEL_DENO") ?? "");

/** Options of {@linkcode streamBars}. */
export interface StreamOptions extends Pick<RunOptions, "load" | "onReloaded" | "joinsCluster" | "command"> {
  /** How to continue after a stop before the end of the input. */
  goOn?: string;
  /** Most files that the process may have open, if known. */
  maxOpenFiles?: number;
  /** Listener for signals from the start on, until the run listens itself. */
  early?: Disposable;
  /** The operator's current token. @default {that of the configuration} */
  token?: () => string | undefined;
}

/** Streams the tenants' records into the database until they end or a signal comes, and returns the exit code. */
export async function streamBars(
  { config, tenants }: LoadedRun,
  { load, onReloaded, joinsCluster, command, goOn, maxOpenFiles, early, token = () => config.variable(TOKEN_VARIABLE) }:
    StreamOptions = {},
): Promise<number> {
  const { settings } = config;
  await using running = new AsyncDisposableStack();
  const reloadSignal = load && running.use(reloadOnSignal());
  const progress = startProgress();
  await configureLog({ level: settings.logLevel, format: settings.logFormat, beforeLine: progress.clear });
  // Only loaded for a collector.
  const tracing = isTracing(Deno.env.get)
    ? running.use((await import("../telemetry/tracing.ts")).createTracing(Deno.env.get))
    : undefined;
  const log = getLogger("barline");
  const warn = (message: string) => log.warn("{message}", { message });
  using unopened = endOnEarlySignals((signal) => {
    log.info(...stoppedEarly(signal));
    if (settings.json) console.log(summarizeUnbegun());
  });
  early?.[Symbol.dispose]();
  const run = running.use(
    await openRun({
      config,
      tenants,
      load,
      onReloaded,
      joinsCluster,
      command,
      onOpened(app) {
        const places = placesOf(config, tenants, app.store.describe());
        log.info(literally(printable(describeStart(places))), places);
      },
      listeners(tenant) {
        const traces = tracing?.batches(tenant);
        const logged = logEvents({ traceOf: traces?.traceOf, log: loggerOf(tenant) });
        return traces === undefined ? [logged] : [traces.listen, logged];
      },
      onReplayed: (tenant, report) => logReplay(loggerOf(tenant), report),
      warn,
      say: progress.say,
    }),
  );
  const { app, sharing, reload } = run;
  const { database } = app.store;
  const onListen = (address: string) => log.info("Clients of PostgreSQL read at {address}", { address });
  const readers = database && running.use(await openReaders({ config, database, warn, onListen }));
  const { archive } = settings;
  if (archive !== undefined && database !== undefined && joinsCluster === true) {
    running.use(
      startArchiver({
        ...{ config, archive, database, warn },
        onArchived: ({ files, archived, dropped }) =>
          log.info("Archived {archived} records, dropped {dropped}", { archived, files, dropped }),
      }),
    );
  }
  // A client of the server may reload at once.
  if (reload !== undefined) reloadSignal?.handTo(reload);
  if (settings.http !== "off") {
    running.use(
      startHttp({
        app,
        config,
        reading: readers?.database,
        token,
        maxOpenFiles,
        reload,
        onRoute: tracing?.route,
        cluster: sharing?.overview,
      }),
    );
  }
  const signals = running.use(stopOnSignals(app, progress.say));
  unopened[Symbol.dispose]();
  running.defer(progress.stop);
  await sharing?.start();
  progress.start(app);
  running.use(reportMarkets(() => marketsOf(app), progress.say));

  const started = performance.now();
  const outcome = await run.run();
  progress.stop();
  const end = endOf({
    outcome,
    signals: signals.received(),
    unread: outcome.unread,
    isStopped: app.stopping.aborted,
    isStrict: settings.strict,
  });
  if (end.isCut && goOn !== undefined) {
    log.info("Stopped before its end: {goOn}", { goOn });
  }
  console.log(summarize({
    outcome,
    end,
    seconds: (performance.now() - started) / 1000,
    latency: run.latency,
    letters: {
      directory: placesOf(config, tenants, app.store.describe()).deadLetters,
      commands: commandsOf(app.tenants()),
      reasons: run.reasons,
    },
    json: settings.json,
  }));
  return end.code;
}

/** Commands that show the dead letters of tenants that have some. */
function commandsOf(tenants: readonly Tenant[]): string[] {
  const having = tenants.filter(({ ledger }) => ledger().deadLettered > 0);
  return having.map(({ config }) => dlqCommand("list", config.settings));
}

type Log = ReturnType<typeof getLogger>;

function logReplay(log: Log, report: ReplayReport | Error): void {
  if (report instanceof Error) return logReplayFailure(log, report);
  const { removed, refused, outcome } = report;
  log.info("Replayed {removed} dead letters of earlier runs; {refused} stay", { removed, refused });
  if (outcome.failure !== undefined) logReplayFailure(log, outcome.failure);
}

/** Letters that cannot be replayed now stay, and the run continues. */
function logReplayFailure(log: Log, error: unknown): void {
  log.warn("Cannot replay the dead letters of earlier runs: {error}", { error: describeError(error) });
}

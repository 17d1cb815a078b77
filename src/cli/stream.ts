/**
 * A run from the command line: log, progress, HTTP, signals and summary around the app.
 *
 * @module
 */
import { on } from "../events.ts";
import { getLogger } from "@logtape/logtape";
import { type App, openApp, type Tenant, type TenantOptions } from "../app/app.ts";
import { openSharing, type Share, type Sharing } from "../app/cluster.ts";
import type { Config } from "../config/load.ts";
import { prepareDataDir, tenantDirectory } from "../storage/data_dir.ts";
import { replayAtStart, type ReplayReport } from "../app/dead_letter_replay.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { createReasons, type Reasons } from "../dead_letters/reasons.ts";
import { openDeadLetters } from "../dead_letters/write.ts";
import { TOKEN_VARIABLE } from "../http/address.ts";
import { type Reload, startHttp } from "../http/start.ts";
import type { Ledger } from "../pipeline/ledger.ts";
import type { Provider } from "../providers/provider.ts";
import { createLatencyDistribution } from "../telemetry/latency.ts";
import { configureLog, describeError, literally, printable } from "../telemetry/log.ts";
import { logEvents, loggerOf } from "../telemetry/log_events.ts";
import { endOf, type Unread, unreadOf } from "./exit.ts";
import { dlqCommand } from "./hint.ts";
import { startProgress } from "./progress.ts";
import { describeStart, placesOf } from "./start_line.ts";
import { reloadOnSignal, stopOnSignals } from "./signals.ts";
import { summarize } from "./summary.ts";

/** A tenant as its configuration has it. */
export interface LoadedTenant {
  /** Its own. */
  readonly config: Config;
  readonly providers: readonly Provider[];
}

/** Makes the parts of a tenant, and its directory where that is missing. */
export type MakeTenant = (loaded: LoadedTenant) => Promise<TenantOptions>;

/** Whether Deno's OpenTelemetry is on. */
const isTracing = (variable: (name: string) => string | undefined) =>
  ["true", "1"].includes(variable("OTEL_DENO") ?? "");

/** Options of {@linkcode streamBars}. */
export interface StreamOptions {
  /** Makes what reads the configuration again, where that is possible. */
  makeReload?: (app: App, make: MakeTenant, sharing: Sharing | undefined) => Reload;
  /** Makes the providers of some shards, where this instance is one of several. */
  share?: Share;
  /** How to go on after a stop before the end of the input, to be told then. */
  goOn?: string;
  /** Most files that the process may have open, where that is known. */
  maxOpenFiles?: number;
  /** The operator's token of now. @default {that of the configuration} */
  token?: () => string | undefined;
}

/** Streams the tenants' records into the database until they end or a signal comes, and gives the exit code. */
export async function streamBars(
  config: Config,
  loaded: readonly LoadedTenant[],
  { makeReload, share, goOn, maxOpenFiles, token = () => config.variable(TOKEN_VARIABLE) }: StreamOptions = {},
): Promise<number> {
  const { settings } = config;
  await using running = new AsyncDisposableStack();
  const reloadSignal = makeReload && running.use(reloadOnSignal());
  await checkInputs(loaded.flatMap(({ providers }) => providers));
  await prepareDataDir(settings.dataDir);
  const latency = createLatencyDistribution();
  const reasons = createReasons();
  const progress = startProgress();
  await configureLog({ level: settings.logLevel, format: settings.logFormat, beforeLine: progress.clear });

  // Loaded where it is wanted: it is of no use without a collector.
  const tracing = isTracing(Deno.env.get)
    ? running.use((await import("../telemetry/tracing.ts")).createTracing(Deno.env.get))
    : undefined;
  const make: MakeTenant = async ({ config, providers }) => {
    const directory = tenantDirectory(config.settings);
    await prepareDataDir(directory);
    const { tenant, dlqAutoReplay } = config.settings;
    const traces = tracing?.batches(tenant);
    const log = loggerOf(tenant);
    return {
      config,
      providers,
      isShared: share !== undefined,
      kinds: config.settings.kind,
      deadLetters: (emit) =>
        reasons.count(openDeadLetters({ directory: deadLetterDirectory(directory), emit, warn: progress.say })),
      listeners: [
        ...(traces === undefined ? [] : [traces.listen]),
        logEvents({ traceOf: traces?.traceOf, log }),
        on({ "committed": ({ receivedAt, count }) => latency.add(Date.now() - receivedAt / 1000, count) }),
      ],
      async begin(tenant) {
        if (dlqAutoReplay !== "on") return;
        await replayAtStart(app.store, tenant).then(
          (report) => tellReplay(log, report),
          (error) => tellReplayFailure(log, error),
        );
      },
    };
  };
  const log = getLogger("barline");
  const warn = (message: string) => log.warn("{message}", { message });
  config.warnings.forEach(warn);
  const app = running.use(await openApp({ config, tenants: await Promise.all(loaded.map(make)), warn }));
  const places = placesOf(config, loaded, app.store.describe());
  log.info(literally(printable(describeStart(places))), places);
  const sharing = share && running.use(await openSharing({ config, tenant: app.tenants()[0], share }));
  const reload = makeReload?.(app, make, sharing);
  // Who is told that it serves may reload at once.
  if (reload !== undefined) reloadSignal?.handTo(reload);
  if (settings.http !== "off") {
    running.use(
      startHttp({ app, config, token, maxOpenFiles, reload, onRoute: tracing?.route, cluster: sharing?.overview }),
    );
  }
  const signals = running.use(stopOnSignals(app, progress.say));
  running.defer(progress.stop);
  await sharing?.start();
  progress.start(app);

  const started = performance.now();
  const ran = await app.run();
  progress.stop();
  const unread = unreadOfAll(app.tenants());
  const outcome = {
    ...ran,
    // A feed has its good hours, and the rest of a file may be a few bad lines.
    failure: ran.failure ?? (unread === "feed" || settings.resume ? undefined : explainNone(ran.ledger, reasons)),
  };
  const end = endOf({
    outcome,
    signals: signals.received(),
    unread,
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
    latency,
    letters: {
      directory: places.deadLetters,
      commands: commandsOf(app.tenants()),
      reasons,
    },
    json: settings.json,
  }));
  return end.code;
}

/**
 * Lets providers look at what they are to read, before anything is made.
 *
 * @throws {Error} If nothing can come of any of them.
 */
async function checkInputs(providers: readonly Provider[]): Promise<void> {
  const problems: unknown[] = [];
  for (const provider of providers) {
    if (provider.check === undefined) return;
    await provider.check().then(() => {}, (error) => problems.push(error));
  }
  if (problems.length > 0 && problems.length === providers.length) throw problems[0];
}

/** Commands that show the dead letters of tenants that have some. */
function commandsOf(tenants: readonly Tenant[]): string[] {
  const having = tenants.filter(({ ledger }) => ledger().deadLettered > 0);
  return having.map(({ config }) => dlqCommand("list", config.settings));
}

/** Why a run of files has failed of whose records none was accepted; `undefined` where some were, or there were none. */
function explainNone({ received }: Ledger, { refused }: Reasons): Error | undefined {
  if (received === 0 || refused < received) return undefined;
  return new Error(`None of ${received.toLocaleString("en-US")} records is accepted: the dead letters say why`);
}

/** What all tenants have left to read. One that has reached its limit wants no more. */
function unreadOfAll(tenants: readonly Tenant[]): Unread {
  const wanting = tenants.filter(({ config, ledger }) => ledger().received < (config.settings.limit ?? Infinity));
  return unreadOf(wanting.flatMap((tenant) => tenant.providers()));
}

type Log = ReturnType<typeof getLogger>;

function tellReplay(log: Log, report: ReplayReport | undefined): void {
  if (report === undefined) return;
  const { removed, refused, outcome } = report;
  log.info("Replayed {removed} dead letters of earlier runs; {refused} stay", { removed, refused });
  if (outcome.failure !== undefined) tellReplayFailure(log, outcome.failure);
}

/** What cannot be replayed now keeps nobody from ingesting: it lies there still. */
function tellReplayFailure(log: Log, error: unknown): void {
  const what = describeError(error);
  log.warn("Cannot replay the dead letters of earlier runs: {error}", { error: what });
}

/**
 * A whole run of a checked configuration: its tenants with their dead letters and listeners, its cluster, reloads, and
 * its outcome. Serving, signals and printing are outside.
 *
 * @module
 */
import { type App, openApp, type Outcome, type Tenant } from "./app.ts";
import { openSharing, type Sharing } from "./cluster.ts";
import type { LoadedRun, MakeTenant } from "./loaded.ts";
import { replayAtStart, type ReplayReport } from "./dead_letter_replay.ts";
import { createReload, type ReloadReport } from "./reload.ts";
import { shareOf } from "./share.ts";
import { isClustered } from "../config/cluster.ts";
import type { Config } from "../config/load.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { createReasons, type Reasons } from "../dead_letters/reasons.ts";
import { openDeadLetters } from "../dead_letters/write.ts";
import { type Listener, on } from "../events.ts";
import type { Ledger } from "../pipeline/ledger.ts";
import type { Provider } from "../providers/provider.ts";
import { prepareDataDir, tenantDirectory } from "../storage/data_dir.ts";
import { createLatencyDistribution, type LatencyDistribution } from "../telemetry/latency.ts";

/** Options of {@linkcode openRun}. */
export interface RunOptions extends LoadedRun {
  /** Reads the configuration again, and throws its problems. Absent if it cannot be reloaded. */
  readonly load?: () => LoadedRun;
  /** The command line, recorded with a load of files. */
  readonly command?: string;
  /** Whether the run joins the configured cluster. @default {false} */
  readonly joinsCluster?: boolean;
  /** Called with the configuration after a reload. */
  readonly onReloaded?: (config: Config) => void;
  /** Called once the tenants are open, before the instance joins a cluster. */
  readonly onOpened: (app: App) => void;
  /** Further listeners of a tenant. */
  readonly listeners: (tenant: string) => readonly Listener[];
  /** Called when the dead letters of a tenant's earlier runs were replayed, or could not be. */
  readonly onReplayed: (tenant: string, report: ReplayReport | Error) => void;
  /** Warns people: in the log, or beside it with `say`. */
  readonly warn: (message: string) => void;
  readonly say: (message: string) => void;
}

/** The unread rest at the end of a run: nothing, a part of an input that has an end, or a feed, which has none. */
export type Unread = "nothing" | "input" | "feed";

/** The end of a run, with the unread rest. */
export interface RunOutcome extends Outcome {
  readonly unread: Unread;
}

/** A run that is ready to start. Disposing of it closes everything. */
export interface Run extends AsyncDisposable {
  readonly app: App;
  /** This instance in its cluster, if it is one of several. */
  readonly sharing?: Sharing;
  readonly reload?: () => Promise<ReloadReport>;
  /** Latencies from the receipt of records to their commit. */
  readonly latency: LatencyDistribution;
  /** Reasons of the dead letters. */
  readonly reasons: Reasons;
  /** Runs until all tenants have ended. */
  run(): Promise<RunOutcome>;
}

/**
 * Opens a run.
 *
 * @throws {Error} If nothing can be read, or the store or a tenant cannot be opened.
 */
export async function openRun(options: RunOptions): Promise<Run> {
  const { config, tenants, load, warn, say } = options;
  const { settings } = config;
  await checkInputs(tenants.flatMap(({ providers }) => providers));
  await prepareDataDir(settings.dataDir);
  config.warnings.forEach(warn);
  await using opened = new AsyncDisposableStack();
  const latency = createLatencyDistribution();
  const reasons = createReasons();
  const isShared = options.joinsCluster === true && isClustered(settings);

  const make: MakeTenant = async ({ config, providers }) => {
    const directory = tenantDirectory(config.settings);
    await prepareDataDir(directory);
    const { tenant: name, dlqAutoReplay, kind } = config.settings;
    return {
      config,
      providers,
      isShared,
      kinds: kind,
      deadLetters: (emit) =>
        reasons.count(openDeadLetters({ directory: deadLetterDirectory(directory), emit, warn: say })),
      listeners: [
        ...options.listeners(name),
        on({ "committed": ({ receivedAt, count }) => latency.add(Date.now() - receivedAt / 1000, count) }),
      ],
      async begin(tenant) {
        if (dlqAutoReplay !== "on") return;
        await replayAtStart(app.store, tenant).then(
          (report) => report !== undefined && options.onReplayed(name, report),
          (error) => options.onReplayed(name, error),
        );
      },
    };
  };
  const app = opened.use(
    await openApp({ config, tenants: await Promise.all(tenants.map(make)), command: options.command, warn }),
  );
  options.onOpened(app);
  const sharing = isShared
    ? opened.use(await openSharing({ config, tenant: app.tenants()[0], share: shareOf(config) }))
    : undefined;
  const share = sharing &&
    ((next: Config): ReturnType<Sharing["replace"]> => sharing.replace(shareOf(next, settings.shards)));
  const reload = load && createReload({ app, make, share, started: config, load, onReloaded: options.onReloaded });
  const closing = opened.move();
  return {
    app,
    sharing,
    reload,
    latency,
    reasons,
    async run() {
      const outcome = await app.run();
      const unread = unreadOfAll(app.tenants());
      // A feed may recover, and the rest of a file may be a few bad lines.
      const isJudged = unread !== "feed" && !settings.resume;
      const failure = outcome.failure ?? (isJudged ? explainNone(outcome.ledger, reasons) : undefined);
      return { ...outcome, failure, unread };
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/**
 * Checks the inputs of providers before anything is created.
 *
 * @throws {Error} If none of them can be read.
 */
async function checkInputs(providers: readonly Provider[]): Promise<void> {
  const problems: unknown[] = [];
  for (const provider of providers) {
    if (provider.check === undefined) return;
    await provider.check().then(() => {}, (error) => problems.push(error));
  }
  if (problems.length > 0 && problems.length === providers.length) throw problems[0];
}

/** Why a run of files failed without an accepted record; `undefined` if some were accepted, or none was read. */
function explainNone({ received }: Ledger, { refused }: Reasons): Error | undefined {
  if (received === 0 || refused < received) return undefined;
  return new Error(`None of ${received.toLocaleString("en-US")} records is accepted: the dead letters say why`);
}

/** The unread rest of all tenants; a tenant that has reached its limit has none. */
function unreadOfAll(tenants: readonly Tenant[]): Unread {
  const reading = tenants.filter(({ config, ledger }) => ledger().received < (config.settings.limit ?? Infinity));
  return unreadOf(reading.flatMap((tenant) => tenant.providers()));
}

/** The rest that providers have not handed over. */
export function unreadOf(providers: readonly { isComplete?(): boolean }[]): Unread {
  if (providers.some((provider) => provider.isComplete?.() === false)) return "input";
  return providers.some((provider) => provider.isComplete === undefined) ? "feed" : "nothing";
}

/** `barline serve`. @module */
import { getLogger } from "@logtape/logtape";
import { openReaders } from "../app/readers.ts";
import { openServing, type Served } from "../app/serving.ts";
import { checkEmbeddedListen } from "../config/embedded_listen.ts";
import { type Config, loadConfig, tenantsOf } from "../config/load.ts";
import { checkExposure, TOKEN_VARIABLE } from "../http/address.ts";
import { startHttp } from "../http/start.ts";
import { prepareDataDir } from "../storage/data_dir.ts";
import { configureLog } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { requireEmbedded } from "./database.ts";
import { onStops } from "./early_signals.ts";
import { environment } from "./environment.ts";
import { reloadOnSignal } from "./signals.ts";

/** Opens the store for reading, until a signal comes. */
export async function run({ options, configFile, maxOpenFiles }: Invocation): Promise<number> {
  const config = loadConfig({
    flags: options,
    ...environment(),
    file: configFile,
    check: (checked) => [...checkExposure(checked), ...checkEmbeddedListen(checked)],
  });
  const { settings } = config;
  checkDestination(config);
  await requireEmbedded(config);
  await prepareDataDir(settings.dataDir);
  await using running = new AsyncDisposableStack();
  await configureLog({ level: settings.logLevel, format: settings.logFormat });
  const log = getLogger("barline");
  const warn = (message: string) => log.warn("{message}", { message });
  config.warnings.forEach(warn);
  const reloading = running.use(reloadOnSignal());

  const app = running.use(await openServing({ config, tenants: tenantsOf(config), warn }));
  reloading.handTo(() =>
    Promise.reject(new Error("Cannot reload: barline serve reads its configuration only at the start"))
  );
  log.info("Open to be read: {target}; nothing is ingested", { target: app.store.describe() });
  const readers = running.use(
    await openReaders({
      config,
      database: app.store.database!,
      warn,
      onListen: (address) => log.info("Clients of PostgreSQL read at {address}", { address }),
    }),
  );
  if (settings.http !== "off") {
    const token = () => config.variable(TOKEN_VARIABLE);
    running.use(startHttp({ app, config, reading: readers.database, token, maxOpenFiles }));
  }
  log.info("Ctrl-C or SIGTERM ends it");
  await untilStopped(app);
  return EXIT.done;
}

/** Refuses configurations without anything to serve. */
function checkDestination({ settings: { sink, http }, target }: Config): void {
  if (sink === "nats") {
    throw new UsageError("Cannot serve: records go to NATS (--sink nats), expected a database that holds them");
  }
  if (http === "off" && target !== undefined) {
    throw new UsageError(
      'Cannot serve: --http is "off", expected HOST:PORT; clients of PostgreSQL go to the server itself',
    );
  }
}

/** Resolves at the first signal, or when a client requests the end. The system ends the process at a second signal. */
async function untilStopped({ stop, stopping }: Served): Promise<void> {
  using _listening = onStops(stop);
  if (stopping.aborted) return;
  await new Promise((resolve) => stopping.addEventListener("abort", resolve, { once: true }));
}

/**
 * Serves the pages of a run, or of a store opened for reading.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { join } from "@std/path";
import type { Served } from "../app/serving.ts";
import type { Config } from "../config/load.ts";
import type { Database } from "../database/database.ts";
import { on } from "../events.ts";
import { describeError } from "../telemetry/log.ts";
import { renderMetrics } from "../telemetry/exposition.ts";
import type { Overview } from "../telemetry/overview.ts";
import { createProcessMetrics } from "../telemetry/process.ts";
import { createReaderMetrics } from "../telemetry/reader_metrics.ts";
import { createStoreMetrics } from "../telemetry/store_metrics.ts";
import type { StoreHealth } from "./health.ts";
import { type HttpSources, serve } from "./server.ts";
import { createBarsDownloads } from "./api/bars_download.ts";
import { createAggregateView } from "./aggregate_view.ts";
import { createStreamService } from "./stream/service.ts";
import { createTenantView, type TenantView } from "./view.ts";

/** How long an answer of the store is cached, in milliseconds: scrapes and probes must not load it. */
const CHECK_EVERY_MS = 1000;
/** Longest wait for answers in flight at the end, in milliseconds. */
const SHUTDOWN_MS = 3000;
/** Longest wait for the store's answer, in milliseconds. */
const CHECK_TIMEOUT_MS = 3000;

/** Reads the configuration again; the result is JSON. Throws its problems, and then changes nothing. */
export type Reload = () => Promise<unknown>;

/** Options of {@linkcode startHttp}. */
export interface HttpOptions {
  app: Served;
  /** The database for long reads. @default {the store's} */
  reading?: Database;
  /** The configuration of the process. */
  config: Config;
  /** The operator's current token: a reload may change it. */
  token: () => string | undefined;
  /** Absent if the configuration cannot be read again. */
  reload?: Reload;
  /** Most files that the process may have open, if known. */
  maxOpenFiles?: number;
  /** All instances, if this is one of several. */
  cluster?: () => NonNullable<Overview["cluster"]>;
  /** Called with the route that answers a request. */
  onRoute?: HttpSources["onRoute"];
}

/**
 * Starts the HTTP interface; disposing of it stops it.
 *
 * @throws {Error} If it cannot listen on the address.
 */
export function startHttp(
  { app, reading = app.store.database, config, token, maxOpenFiles, reload, onRoute, cluster }: HttpOptions,
): AsyncDisposable {
  const stopped = new AbortController();
  const check = createStoreCheck(app, stopped.signal);
  const storeName = app.store.database === undefined ? app.store.name : "database";
  const checkStore = async () => ({ name: storeName, schema: app.store.schema?.(), ...await check() });
  const log = getLogger("barline");
  const streamMetrics = createReaderMetrics();
  const { database } = app.store;
  const stream = database && createStreamService({
    database,
    maxClients: config.settings.streamClients,
    maxOpenFiles,
    metrics: streamMetrics,
    log: (message) => log.info("{message}", { message }),
  });
  const shared = [createProcessMetrics(maxOpenFiles), createStoreMetrics(app.store), streamMetrics.registry];
  const directory = join(config.settings.dataDir, "downloads");
  const downloads = createBarsDownloads({ database: reading, directory, stop: stopped.signal });
  const views = new Map<string, TenantView>();
  const hasTenants = config.tenants.length > 0;
  const total = hasTenants
    ? createAggregateView(app, views, checkStore, stream && (() => stream.clients()))
    : undefined;
  app.follow((tenant) => {
    const readers = stream && (() => stream.clients(tenant.name));
    const view = createTenantView({ app, downloads, tenant, checkStore, stop: stopped.signal, cluster, readers });
    views.set(tenant.name, view);
    total?.add(tenant);
    tenant.listen(on({ "batch-written": () => stream?.hub.wake() }));
    return {
      [Symbol.dispose]() {
        views.delete(tenant.name);
        view[Symbol.dispose]();
      },
    };
  });
  const viewOf = (tenant?: string) => tenant !== undefined ? views.get(tenant) : total ?? [...views.values()][0];
  const sources: HttpSources = {
    onRoute,
    stream,
    database,
    metrics(tenant) {
      const some = tenant === undefined ? [...views.values()] : [views.get(tenant)!];
      const registries = some.map(({ registry }) => registry);
      return renderMetrics(tenant === undefined ? [...shared, ...registries] : registries);
    },
    view: viewOf,
    drain: app.stop,
    reload,
    async unready() {
      // The reason, with its address, is only in /health, which is restricted.
      if ((await check()).error !== undefined) return [`${storeName} cannot be reached`];
      const reasons = [...views].map(([name, view]) =>
        view.unready().map((reason) => hasTenants ? `tenant ${name}: ${reason}` : reason)
      );
      // Ready if any tenant is.
      return reasons.some((each) => each.length === 0) ? [] : reasons.flat();
    },
  };
  const server = serve({
    address: config.settings.http,
    token,
    maxOpenFiles,
    tenantTokens: () =>
      new Map(app.tenants().flatMap(({ name, config }) => config.httpToken ? [[config.httpToken, name] as const] : [])),
    sources,
    onListen: (url) => log.info("Serving {url}/metrics and {url}/health, with the cockpit at {url}/", { url }),
    log: (message) => log.info("{message}", { message }),
  });
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      stream?.[Symbol.dispose]();
      await downloads[Symbol.asyncDispose]();
      total?.[Symbol.dispose]();
      for (const view of views.values()) {
        view[Symbol.dispose]();
        await view.own.deadLetters.finished();
      }
      // A client that does not read its answer must not delay the end of the program.
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, SHUTDOWN_MS);
      await Promise.race([server.shutdown(), timeout.promise]);
      clearTimeout(timer);
    },
  };
}

/** Result of a check of the store. */
type Checked = Omit<StoreHealth, "name" | "schema">;

/** Creates a check that returns why the store cannot be reached, if it cannot; `stop` ends one in flight. */
function createStoreCheck({ store }: Served, stop: AbortSignal): () => Promise<Checked> {
  let checkedAt = -Infinity;
  let last: Promise<Checked> = Promise.resolve({ error: undefined });
  let risk: Checked["risk"];
  let isRiskKnown = store.commitRisk === undefined;

  async function check(): Promise<Checked> {
    const timeout = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    try {
      const signal = AbortSignal.any([timeout, stop]);
      await store.check(signal);
      if (!isRiskKnown) risk = await store.commitRisk!(signal);
      isRiskKnown = true;
      return { error: undefined, risk };
    } catch (error) {
      return { error: timeout.aborted ? `no answer within ${CHECK_TIMEOUT_MS} ms` : describeError(error), risk };
    }
  }

  return () => {
    if (performance.now() - checkedAt >= CHECK_EVERY_MS) {
      checkedAt = performance.now();
      last = check();
    }
    return last;
  };
}

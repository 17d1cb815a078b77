/**
 * Serves a running app.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Client } from "pg";
import type { App } from "../app.ts";
import type { Config } from "../config/load.ts";
import { calendarOf } from "../calendar/mod.ts";
import { withClient } from "../database/database.ts";
import type { Provider } from "../providers/provider.ts";
import { describeError } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createOverview, type Overview } from "../telemetry/overview.ts";
import { VERSION } from "../version.ts";
import { TOKEN_VARIABLE } from "./address.ts";
import { findGaps, readBars } from "./api/bars.ts";
import { createDeadLetterApi } from "./api/dead_letters.ts";
import { listSeries } from "./api/series.ts";
import { createEventHub } from "./events.ts";
import { reportHealth } from "./health.ts";
import { type HttpSources, serve } from "./server.ts";

/** How long an answer of the store is believed, in milliseconds: scrapes and probes must not load it. */
const CHECK_EVERY_MS = 1000;
/** Longest run of a query of the cockpit, in milliseconds. */
const QUERY_TIMEOUT_MS = 10_000;
/** Longest wait for answers under way at the end, in milliseconds. */
const SHUTDOWN_MS = 3000;
/** Longest wait for the store's answer, in milliseconds. */
const CHECK_TIMEOUT_MS = 3000;

/** Reads the configuration again; what it comes to is JSON. Throws what is wrong with it, and nothing has changed then. */
export type Reload = () => Promise<unknown>;

/** Options of {@linkcode startHttp}. */
export interface HttpOptions {
  app: App;
  config: Config;
  deadLettersWaiting: () => Promise<number>;
  /** Absent where the configuration cannot be read again. */
  reload?: Reload;
  /** Told which route answers a request. */
  onRoute?: HttpSources["onRoute"];
  /** All instances, where this is one of several. */
  cluster?: () => NonNullable<Overview["cluster"]>;
}

/**
 * Starts the HTTP interface; disposing of it stops it.
 *
 * @throws {Error} If the address cannot be had.
 */
export function startHttp(options: HttpOptions): AsyncDisposable {
  const { app, config, deadLettersWaiting, reload, onRoute, cluster } = options;
  const health = app.health();
  const feeds = () => app.providers().flatMap((provider) => provider.members ?? [provider]);
  const metrics = createMetrics({
    health: app.health,
    ledger: app.ledger,
    deadLettersWaiting,
    kinds: health.coordinators.map(({ kind }) => kind),
    workers: Math.max(...health.coordinators.map(({ workers }) => workers)),
    sink: app.store.name,
    providers: feeds().map(({ name }) => name),
    openMarkets: () => readOpenMarkets(feeds()),
    journalMaxBytes: config.settings.journalMaxBytes,
    shards: cluster?.().shards,
  });
  app.listen(metrics.listen);
  const { health: readHealth, ledger } = app;
  const overview = createOverview({ health: readHealth, ledger, deadLettersWaiting, version: VERSION, cluster });
  app.listen(overview.listen);
  const stopped = new AbortController();
  const checkStore = createStoreCheck(app, stopped.signal);
  const storeName = app.store.database === undefined ? app.store.name : "database";
  const report = async () => reportHealth(app.health(), { name: storeName, error: await checkStore() }, VERSION);
  const readOverview = async () => ({ ...await overview.read(), state: (await report()).state });
  const events = createEventHub({ overview: readOverview, samples: overview.samples });
  const { database } = app.store;
  const query = async <T>(otherwise: T, fn: (client: Client) => Promise<T>) =>
    database === undefined
      ? otherwise
      : await withClient(database, fn, AbortSignal.any([stopped.signal, AbortSignal.timeout(QUERY_TIMEOUT_MS)]));
  const deadLetters = createDeadLetterApi(app, config, stopped.signal);
  const log = getLogger("barline");
  const sources: HttpSources = {
    onRoute,
    metrics: metrics.render,
    health: report,
    overview: readOverview,
    samples: overview.samples,
    events: events.open,
    quorum: app.quorum,
    deadLetters,
    probe: app.probe,
    pause: app.pause,
    drain: app.stop,
    reload,
    series: (search) =>
      query({ series: [], more: false }, (client) => listSeries(client, { tenant: "default", search })),
    async bars(series, limit) {
      const bars = await query([], (client) => readBars(client, series, limit));
      return { bars, gaps: findGaps(bars, series) };
    },
    async unready() {
      const { coordinators, providers, stopping } = app.health();
      const error = await checkStore();
      // Why, with its address, tells /health alone, which not everybody may read.
      const reasons = error === undefined ? [] : [`${storeName} cannot be reached`];
      for (const { kind, circuit } of coordinators) {
        if (circuit === "open") reasons.push(`circuit of ${kind} is ${circuit}`);
      }
      for (const { name, state, group } of providers) {
        // A group is ready while one of its members is left.
        if (state === "failed" && group === undefined) reasons.push(`provider ${name} has failed`);
      }
      if (stopping) reasons.push("stopping");
      return reasons;
    },
  };
  const server = serve({
    address: config.settings.http,
    token: config.variable(TOKEN_VARIABLE),
    sources,
    onListen: (url) => log.info("Serving {url}/metrics and {url}/health", { url }),
    log: (message) => log.info("{message}", { message }),
  });
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      overview[Symbol.dispose]();
      events[Symbol.dispose]();
      await deadLetters.finished();
      // Somebody who does not read what he asked for must not keep the program from its end.
      const patience = Promise.withResolvers<void>();
      const timer = setTimeout(patience.resolve, SHUTDOWN_MS);
      await Promise.race([server.shutdown(), patience.promise]);
      clearTimeout(timer);
    },
  };
}

/** Knows which live providers have a market that is open. */
function readOpenMarkets(providers: readonly Provider[]): ReadonlyMap<string, boolean> {
  const markets = new Map<string, boolean>();
  for (const { name, isLive, symbols = [] } of providers) {
    if (!isLive) continue;
    const calendars = new Set(symbols.map((symbol) => calendarOf(name, symbol)));
    calendars.delete(undefined);
    if (calendars.size > 0) markets.set(name, [...calendars].some((calendar) => calendar!.isOpen(Date.now())));
  }
  return markets;
}

/** Makes a check that tells why the store cannot be reached, `undefined` when it can; `stop` ends one under way. */
function createStoreCheck(app: App, stop: AbortSignal): () => Promise<string | undefined> {
  let checkedAt = -Infinity;
  let last: Promise<string | undefined> = Promise.resolve(undefined);

  async function check(): Promise<string | undefined> {
    const timeout = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    try {
      const signal = AbortSignal.any([timeout, stop]);
      await app.store.check(signal);
    } catch (error) {
      return timeout.aborted ? `no answer within ${CHECK_TIMEOUT_MS} ms` : describeError(error);
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

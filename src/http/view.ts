/**
 * The view of one tenant: its metrics, health, overview, series and dead letters.
 *
 * @module
 */
import type { Registry } from "@platformatic/prom-client";
import type { Client } from "pg";
import type { Served, ServedTenant } from "../app/serving.ts";
import { valueOf } from "../config/per_provider.ts";
import type { Settings } from "../config/options.ts";
import { calendarOf, declarationOf, namesOf } from "../providers/mod.ts";
import { DEFAULT_TIMEFRAME, TIMEFRAMES } from "../records/timeframe.ts";
import type { Market } from "../telemetry/market_metrics.ts";
import { withClient } from "../database/database.ts";
import type { Names } from "../database/names.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { createLetterCounter } from "../dead_letters/count.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { on } from "../events.ts";
import type { Provider } from "../providers/provider.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createOverview, type Overview, type Sample } from "../telemetry/overview.ts";
import { VERSION } from "../version.ts";
import type { BarsDownloads } from "./api/bars_download.ts";
import type { BarFormat } from "./api/bars_request.ts";
import { type ChartBar, type ChartGap, findGaps, readBars, type SeriesNames } from "./api/bars.ts";
import { createDeadLetterApi, type DeadLetterApi } from "./api/dead_letters.ts";
import { countSeries, listSeries, type SeriesRow, type StoredSeries } from "./api/series.ts";
import { createEventHub } from "./events.ts";
import { type HealthReport, type HealthState, reportHealth, type StoreHealth } from "./health.ts";

/** The view of a tenant, or of all together. */
export interface View {
  readonly health: () => Promise<HealthReport>;
  /** The overview, with the `state` of {@linkcode HealthReport}. */
  readonly overview: () => Promise<Overview & { readonly state: HealthState }>;
  /** The last quarter of an hour, oldest first. */
  readonly samples: () => readonly Sample[];
  /** Opens a stream of server-sent events with both. */
  readonly events: () => Response;
  /** Ends the cooldown of open circuits. */
  readonly probe: () => void;
  /** Pauses or resumes a provider; returns whether it exists. */
  readonly pause: (provider: string, paused: boolean) => boolean;
  /** Pages that only a single tenant has. */
  readonly own?: OwnPages;
}

/** Pages of a single tenant, not of all together. */
export interface OwnPages {
  readonly tenant: string;
  readonly stored: () => Promise<{ stored: readonly StoredSeries[] }>;
  readonly series: (search: string) => Promise<{ series: readonly SeriesRow[]; more: boolean }>;
  readonly bars: (
    series: Omit<SeriesNames, "tenant">,
    limit: number,
  ) => Promise<{ bars: ChartBar[]; gaps: ChartGap[] }>;
  /** All requested bars, in a format. */
  readonly download: (format: BarFormat, query: URLSearchParams, request: Request) => Promise<Response>;
  /** Result of the comparison of two providers; absent where none are compared. */
  readonly quorum?: () => unknown;
  readonly deadLetters: DeadLetterApi;
}

/** A tenant's view; disposing of it ends its timers and streams. */
export interface TenantView extends View, Disposable {
  readonly own: OwnPages;
  readonly registry: Registry;
  /** Why it is not ready, one phrase each. */
  readonly unready: () => string[];
}

/** Longest run of a query of the cockpit, in milliseconds. */
const QUERY_TIMEOUT_MS = 10_000;

/** Options of {@linkcode createTenantView}. */
export interface TenantViewOptions {
  app: Pick<Served, "store" | "isReadOnly">;
  downloads: BarsDownloads;
  tenant: ServedTenant;
  /** Checks the store. */
  checkStore: () => Promise<StoreHealth>;
  /** Ends queries in flight. */
  stop: AbortSignal;
  /** All instances, if this is one of several. */
  cluster?: () => NonNullable<Overview["cluster"]>;
  /** How many programs read the tenant's stream. */
  readers?: (() => number) | undefined;
}

/** Creates the view, which starts to listen. */
export function createTenantView(
  { app, downloads, tenant, checkStore, stop, cluster, readers }: TenantViewOptions,
): TenantView {
  const { store, isReadOnly } = app;
  const { settings } = tenant.config;
  const { coordinators } = tenant.health();
  const deadLettersWaiting = createLetterCounter(deadLetterDirectory(tenantDirectory(settings)));
  const feeds = () => tenant.providers().flatMap((provider) => provider.members ?? [provider]);
  const metrics = createMetrics({
    tenant: tenant.name,
    shards: cluster?.().shards,
    health: tenant.health,
    ledger: tenant.ledger,
    deadLettersWaiting,
    kinds: coordinators.map(({ kind }) => kind),
    workers: Math.max(0, ...coordinators.map(({ workers }) => workers)),
    sink: store.name,
    providers: feeds().map(({ name }) => name),
    markets: () => readMarkets(feeds(), settings),
    journalMaxBytes: settings.journalMaxBytes,
  });
  tenant.listen(metrics.listen);
  const overview = createOverview({
    tenant: tenant.name,
    health: tenant.health,
    ledger: tenant.ledger,
    deadLettersWaiting,
    version: VERSION,
    isReadOnly,
    cluster,
    readers,
  });
  tenant.listen(overview.listen);
  const unconnected = followFirstConnections(tenant.listen);
  const health = async () => reportHealth(tenant.health(), await checkStore(), VERSION, unconnected);
  const readOverview = async () => ({ ...await overview.read(), state: (await health()).state });
  const events = createEventHub({ overview: readOverview, samples: overview.samples });
  const { database } = store;
  const query = async <T>(otherwise: T, fn: (client: Client, names: Names) => Promise<T>) =>
    database === undefined
      ? otherwise
      : await withClient(database, fn, AbortSignal.any([stop, AbortSignal.timeout(QUERY_TIMEOUT_MS)]));
  const { name } = tenant;
  return {
    registry: metrics.registry,
    health,
    overview: readOverview,
    samples: overview.samples,
    events: events.open,
    probe: tenant.probe,
    pause: tenant.pause,
    unready() {
      const reasons: string[] = [];
      const { coordinators, providers, stopping } = tenant.health();
      for (const { kind, circuit } of coordinators) {
        if (circuit === "open") reasons.push(`circuit of ${kind} is ${circuit}`);
      }
      for (const { name, state, group } of providers) {
        // A group is ready while one of its members is.
        if (group !== undefined) continue;
        if (state === "failed") reasons.push(`provider ${name} has failed`);
        else if (unconnected.has(name)) reasons.push(`provider ${name} has not connected yet`);
      }
      if (stopping) reasons.push("stopping");
      return reasons;
    },
    own: {
      tenant: name,
      quorum: tenant.quorum,
      deadLetters: createDeadLetterApi(isReadOnly ? undefined : store, tenant.config, stop),
      stored: async () => ({ stored: await query([], (client, names) => countSeries(client, names, name)) }),
      series: (search) =>
        query({ series: [], more: false }, (client, names) => listSeries(client, names, { tenant: name, search })),
      async bars(series, limit) {
        const key = { ...series, tenant: name };
        const bars = await query([], (client, names) => readBars(client, names, key, limit));
        return { bars, gaps: findGaps(bars, key) };
      },
      download: (format, query, request) => downloads.answer(name, format, query, request),
    },
    [Symbol.dispose]() {
      overview[Symbol.dispose]();
      events[Symbol.dispose]();
    },
  };
}

/** Feeds that have not connected since the start; a feed that lost its connection is not among them. */
function followFirstConnections(listen: ServedTenant["listen"]): ReadonlySet<string> {
  const unconnected = new Set<string>();
  const connected = new Set<string>();
  listen(on({
    "feed-state"({ provider, state }) {
      if (state === "live") {
        connected.add(provider);
        unconnected.delete(provider);
      } else if (["connecting", "waiting"].includes(state) && !connected.has(provider)) {
        unconnected.add(provider);
      }
    },
  }));
  return unconnected;
}

/** The markets of live providers, and of providers whose bars come through others. */
function readMarkets(providers: readonly Provider[], { timeframe }: Settings): ReadonlyMap<string, Market> {
  const markets = new Map<string, Market>();
  for (const { name, isLive, symbols = [], delivered } of providers) {
    if (isLive) {
      add(name, symbols, { stepMs: TIMEFRAMES.get(valueOf<string>(timeframe, namesOf(name)) ?? DEFAULT_TIMEFRAME)! });
    }
    for (const [of, { symbols, timeframe, settledAt }] of delivered?.() ?? []) {
      // Other names come from an edge, unchecked.
      const declared = declarationOf(of);
      const stepMs = TIMEFRAMES.get(timeframe)!;
      if (declared !== undefined) add(of, symbols, { stepMs, delayMs: declared.delayMs, storedAt: settledAt });
    }
  }
  function add(name: string, symbols: Iterable<string>, market: Omit<Market, "calendars">): void {
    const found = new Set(Array.from(symbols, (symbol) => calendarOf(name, symbol)));
    const calendars = new Set([...found].filter((calendar) => calendar !== undefined));
    if (calendars.size > 0) markets.set(name, { calendars, ...market });
  }
  return markets;
}

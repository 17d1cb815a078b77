/**
 * Health over HTTP.
 *
 * @module
 */
import type { CommitRisk } from "../database/commit_risk.ts";
import type { Doubts } from "../events.ts";
import type { Health, ProviderHealth } from "../pipeline/health.ts";

/** Most symbols named for each reason. */
const MAX_NAMED = 200;

/** State of health. */
export type HealthState = "healthy" | "degraded" | "unhealthy";

/** Part of a {@linkcode HealthReport}. */
export interface ComponentReport {
  readonly name: string;
  readonly state: HealthState;
  readonly details: Record<string, unknown>;
}

/** The answer of `/health`. */
export interface HealthReport {
  readonly service: "barline";
  readonly state: HealthState;
  readonly components: readonly ComponentReport[];
  readonly version: string;
  /** Seconds since 1970-01-01 UTC. */
  readonly ts: number;
}

/** The store: its name, and why it could not be reached at the last check. */
export interface StoreHealth {
  readonly name: string;
  readonly error: string | undefined;
  /** The schema of the tables, once it is known; absent without a database. */
  readonly schema?: string;
  /** The loss that a crash of it may cause, if any. */
  readonly risk?: CommitRisk;
}

/** Creates the report; `unconnected` names feeds that have not connected since the start. */
export function reportHealth(
  health: Health,
  store: StoreHealth,
  version: string,
  unconnected: ReadonlySet<string> = new Set(),
): HealthReport {
  const components: ComponentReport[] = [
    reportStore(store),
    ...health.coordinators.map(({ kind, workersAlive, workers, queue, late, circuit }): ComponentReport => ({
      name: `coordinator:${kind}`,
      state: health.isDone
        ? "healthy"
        : circuit === "open" || workersAlive === 0
        ? "unhealthy"
        : circuit === "half-open" || workersAlive < workers || queue.size >= queue.capacity
        ? "degraded"
        : "healthy",
      details: { workersAlive, workers, queue, late, circuit },
    })),
    ...[health.journal ?? []].flat().map((journal): ComponentReport => ({
      name: "journal",
      state: journal.problem === undefined ? "healthy" : "degraded",
      details: { ...journal },
    })),
    ...health.providers.map((provider) => reportProvider(provider, !unconnected.has(provider.name))),
    ...reportFailovers(health.providers),
  ];
  // One failed provider of several leaves the service working.
  const working = health.providers.length === 0 || health.providers.some(({ state }) => state !== "failed");
  const broken = components.some(({ name, state }) => state === "unhealthy" && !name.startsWith("provider:"));
  const state = broken || !working
    ? "unhealthy"
    : components.some((component) => component.state !== "healthy")
    ? "degraded"
    : "healthy";
  return { service: "barline", state, components, version, ts: Date.now() / 1000 };
}

/** The report of all tenants, each as a component: a broken one leaves the service working for the others. */
export function joinReports(
  reports: ReadonlyMap<string, HealthReport>,
  store: StoreHealth,
  version: string,
): HealthReport {
  const components: ComponentReport[] = [
    reportStore(store),
    ...Array.from(reports, ([name, { state, components }]): ComponentReport => ({
      name: `tenant:${name}`,
      state,
      details: { troubled: components.filter((each) => each.state !== "healthy").map((each) => each.name) },
    })),
  ];
  const states = [...reports.values()].map(({ state }) => state);
  const isBroken = store.error !== undefined || states.length > 0 && states.every((state) => state === "unhealthy");
  const isWell = states.every((state) => state === "healthy");
  const state = isBroken ? "unhealthy" : isWell ? "healthy" : "degraded";
  return { service: "barline", state, components, version, ts: Date.now() / 1000 };
}

/** The store; a chosen risk leaves it healthy. */
function reportStore({ name, error, schema, risk }: StoreHealth): ComponentReport {
  return { name, state: error === undefined ? "healthy" : "unhealthy", details: { error, schema, ...risk } };
}

/** A provider; doubts and a wrong clock leave it healthy, as both are usual, and repaired. */
function reportProvider(provider: ProviderHealth, isConnected: boolean): ComponentReport {
  const { name, state, error, unsubscribed, doubts, clockSkewMs, group, isActive } = provider;
  const isWell = unsubscribed === undefined && isConnected;
  return {
    name: `provider:${name}`,
    state: state === "failed" ? "unhealthy" : isWell ? "healthy" : "degraded",
    details: {
      state,
      error,
      ...(isConnected ? {} : { connected: "not yet" }),
      ...(unsubscribed === undefined ? {} : { unsubscribed: groupByReason(unsubscribed) }),
      ...(doubts === undefined ? {} : { doubts: reportDoubts(doubts) }),
      ...(clockSkewMs === undefined ? {} : { clockSkewSeconds: clockSkewMs / 1000 }),
      ...(group === undefined ? {} : { failover: group, delivers: isActive }),
    },
  };
}

function reportDoubts({ minutes, series, since }: Doubts): Record<string, unknown> {
  return { minutes, series, since: since === undefined ? undefined : new Date(since).toISOString() };
}

/** Symbols whose bars do not come, by reason; only the first ones are named. */
function groupByReason(unsubscribed: ReadonlyMap<string, string>): Record<string, unknown>[] {
  return Array.from(Map.groupBy(unsubscribed, ([, reason]) => reason), ([reason, all]) => ({
    reason,
    count: all.length,
    symbols: all.slice(0, MAX_NAMED).map(([symbol]) => symbol),
  }));
}

/** Each failover group: degraded unless its first provider delivers. */
function reportFailovers(providers: readonly ProviderHealth[]): ComponentReport[] {
  const members = providers.filter(({ group }) => group !== undefined);
  return Array.from(Map.groupBy(members, ({ group }) => group!), ([group, all]) => ({
    name: `failover:${group}`,
    state: all[0].isActive ? "healthy" : "degraded",
    details: { delivers: all.find(({ isActive }) => isActive)?.name, providers: all.map(({ name }) => name) },
  }));
}

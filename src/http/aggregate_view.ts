/**
 * The view of all tenants together: sums, a line a tenant, and each provider as `tenant/provider`.
 *
 * @module
 */
import type { Served, ServedTenant } from "../app/serving.ts";
import type { PipelineEvent } from "../events.ts";
import { createOverview, type TenantGlance } from "../telemetry/overview.ts";
import { VERSION } from "../version.ts";
import { createEventHub } from "./events.ts";
import { type HealthReport, joinReports, type StoreHealth } from "./health.ts";
import type { TenantView, View } from "./view.ts";

/** The view of all tenants; `add` includes one. */
export interface TotalView extends View, Disposable {
  /** Starts to listen to a tenant. */
  add(tenant: ServedTenant): void;
}

/** Creates the view from those of the tenants, by name. */
export function createAggregateView(
  app: Served,
  views: ReadonlyMap<string, TenantView>,
  checkStore: () => Promise<StoreHealth>,
  readers?: () => number,
): TotalView {
  const overview = createOverview({
    health: app.health,
    ledger: app.ledger,
    deadLettersWaiting: () => Promise.resolve(0),
    version: VERSION,
    isReadOnly: app.isReadOnly,
    readers,
  });
  async function health(): Promise<HealthReport> {
    const reports = new Map<string, HealthReport>();
    for (const [name, view] of views) reports.set(name, await view.health());
    return joinReports(reports, await checkStore(), VERSION);
  }
  async function readOverview() {
    const tenants: TenantGlance[] = [];
    for (const [name, view] of views) {
      const { state, rate, latencyMs, ledger, coordinators, deadLettersWaiting, unaccounted } = await view.overview();
      tenants.push({
        name,
        state,
        rate,
        latencyMs,
        received: ledger.received,
        queued: coordinators.reduce((sum, { queue }) => sum + queue.size, 0),
        journaled: ledger.journaled,
        deadLettersWaiting,
        unaccounted,
      });
    }
    const all = await overview.read();
    const deadLettersWaiting = tenants.reduce((sum, each) => sum + each.deadLettersWaiting, 0);
    return { ...all, state: (await health()).state, deadLettersWaiting, tenants };
  }
  const events = createEventHub({ overview: readOverview, samples: overview.samples });
  return {
    health,
    overview: readOverview,
    samples: overview.samples,
    events: events.open,
    add({ name, listen }) {
      listen((event: PipelineEvent) => {
        overview.listen("provider" in event ? { ...event, provider: `${name}/${event.provider}` } : event);
      });
    },
    probe() {
      for (const view of views.values()) view.probe();
    },
    pause(provider, paused) {
      const [tenant, ...rest] = provider.split("/");
      return views.get(tenant)?.pause(rest.join("/"), paused) ?? false;
    },
    [Symbol.dispose]() {
      overview[Symbol.dispose]();
      events[Symbol.dispose]();
    },
  };
}

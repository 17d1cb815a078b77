/**
 * The composition root: opens what tenants share, and the pipeline of each; runs them side by side, adds and removes some
 * while the others run, and closes everything in reverse order. Without `tenants`, a run has one tenant.
 *
 * @module
 */
import { compareProviders, type SourcesChange } from "./provider_changes.ts";
import { type IsOther, planTenants } from "./tenant_changes.ts";
import { needsOf } from "./needs.ts";
import { openReceiveTimes } from "./receive_times.ts";
import { openStore, type Store } from "./store.ts";
import type { Shared, Tenant, TenantOptions, TenantOutcome } from "./tenant.ts";
import { createTenants } from "./tenants.ts";
import { joinHealth } from "./aggregate.ts";
import type { Config } from "../config/load.ts";
import type { Database } from "../database/database.ts";
import { createSharedConnections } from "../providers/mod.ts";
import type { Provider } from "../providers/provider.ts";
import type { Health } from "../pipeline/health.ts";
import type { Ledger } from "../pipeline/ledger.ts";

export type { Store } from "./store.ts";
export type { Tenant, TenantOptions } from "./tenant.ts";

/** The end of a run: all tenants together, and the first failure. */
export interface Outcome extends TenantOutcome {
  readonly tenants: ReadonlyMap<string, TenantOutcome>;
}

/** Options of {@linkcode openApp}. */
export interface AppOptions {
  /** The configuration of the process, with the destination of the records. */
  readonly config: Config;
  /** Replaces the database of the configuration; it stays open. */
  readonly database?: Database;
  readonly tenants: readonly TenantOptions[];
  /** The command line, without secrets. */
  readonly command?: string;
  /** Called with warnings about the parts that tenants share. */
  readonly warn?: (message: string) => void;
}

/** Changes of tenants, by name. */
export interface TenantsChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Closed and opened again, with the changes of their providers. */
  readonly reopened: ReadonlyMap<string, SourcesChange>;
  /** The others, with the changes of their providers. */
  readonly kept: ReadonlyMap<string, SourcesChange>;
}

/** A run that is ready to start. */
export interface App extends AsyncDisposable {
  /** The store of the records. */
  readonly store: Store;
  /** Aborts when the whole run stops. */
  readonly stopping: AbortSignal;
  /** The current tenants. */
  tenants(): readonly Tenant[];
  /** The aggregated health of all tenants. */
  readonly health: () => Health;
  readonly ledger: () => Ledger;
  /** Calls `fn` with each tenant, now and when one is added. Its result is disposed of when the tenant is removed. */
  follow(fn: (tenant: Tenant) => Disposable): void;
  /** Runs until all tenants have ended. */
  run(): Promise<Outcome>;
  /**
   * Replaces the tenants during the run. A tenant is reopened if `isOther` says that its settings differ, if its new
   * providers need other parts (a journal, another way to write), or if it has other providers and is draining or has
   * ended. Any other tenant only gets its new providers, and an unchanged provider runs on.
   *
   * @throws {Error} If one cannot be opened. No new tenant is opened then, and a tenant that cannot be reopened runs on with
   * its former settings.
   */
  replace(next: readonly TenantOptions[], isOther: IsOther): Promise<TenantsChange>;
  /** Closes the providers; accepted records are still written, within the drain timeout. */
  stop(): void;
  /** Aborts at once: unwritten records stay in the journal, or go to the dead letters. */
  abort(reason: Error): void;
}

/**
 * Opens the store, brings it up to date, and opens the tenants.
 *
 * @throws {Error} If the store cannot be opened or prepared, or a tenant cannot be opened.
 */
export async function openApp(options: AppOptions): Promise<App> {
  const { config } = options;
  await using opened = new AsyncDisposableStack();
  const stopping = new AbortController();
  const store = await openStore({
    config,
    database: options.database,
    isKept: options.tenants.some(({ config: { settings }, providers }) => needsOf(settings, providers).isJournaled),
    uses: {
      kinds: [...new Set(options.tenants.flatMap(({ kinds }) => kinds))],
      loads: options.tenants.some(({ providers }) => providers.some(({ readsFiles }) => readsFiles)),
      coverage: options.tenants.some(({ providers, isShared }) => isShared || providers.some(keepsCoverage)),
    },
    lanes: Math.max(0, ...options.tenants.map(({ config, kinds }) => (config.settings.workers + 1) * kinds.length)),
    warn: (message) => options.warn?.(message),
    opened,
  });

  const times = opened.use(
    openReceiveTimes({ dataDir: config.settings.dataDir, warn: (message) => options.warn?.(message) }),
  );
  const shared: Shared = { store, connections: createSharedConnections(), times, command: options.command };

  const tenants = opened.use(createTenants(shared, stopping.signal, (message) => options.warn?.(message)));
  await tenants.add(options.tenants);
  let isReplacing = false;

  const app: Omit<App, typeof Symbol.asyncDispose> = {
    store,
    stopping: stopping.signal,
    tenants: tenants.current,
    health: () =>
      joinHealth(
        tenants.current().map((tenant) => ({ name: tenant.name, health: tenant.health() })),
        stopping.signal.aborted,
      ),
    ledger: tenants.ledger,
    follow: tenants.follow,
    async run() {
      const outcomes = await tenants.run();
      const failure = [...outcomes.values()].find((each) => each.failure !== undefined)?.failure;
      return { ledger: app.ledger(), failure, tenants: outcomes };
    },
    async replace(next, isOther) {
      if (isReplacing) throw new Error("Cannot reload: another reload is in progress");
      if (stopping.signal.aborted) throw new Error("Cannot reload: the run is ending");
      isReplacing = true;
      using _hold = tenants.hold();
      try {
        const before = tenants.current();
        const { open } = planTenants(before, next, isOther);
        await tenants.add(open);
        // A tenant may have ended while others were opened.
        const { keep, reopen, close } = planTenants(before, next, isOther);
        const kept = keep.map(async ({ tenant, next }) => [tenant.name, await tenant.replace(next.providers)] as const);
        const reopened = reopen.map(async ({ tenant, next }) => {
          const change = compareProviders(tenant.providers(), next.providers);
          await tenants.reopen(tenant, next);
          return [tenant.name, change] as const;
        });
        const removed = close.map(tenants.remove);
        // All of them end, even if one fails.
        await Promise.allSettled([...kept, ...reopened, ...removed]);
        await Promise.all(removed);
        return {
          added: open.map(({ config }) => config.settings.tenant),
          removed: close.map(({ name }) => name),
          reopened: new Map(await Promise.all(reopened)),
          kept: new Map(await Promise.all(kept)),
        };
      } finally {
        isReplacing = false;
      }
    },
    stop() {
      stopping.abort();
      for (const tenant of tenants.current()) tenant.stop();
    },
    abort(reason) {
      stopping.abort();
      for (const tenant of tenants.current()) tenant.abort(reason);
    },
  };
  const closing = opened.move();
  return { ...app, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

/** Whether a provider keeps coverage of its series. */
function keepsCoverage({ isLive, readsHistory }: Provider): boolean {
  return isLive === true || readsHistory === true;
}

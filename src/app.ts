/**
 * The composition root: opens what tenants share, and the pipeline of each; runs them side by side, adds and removes some
 * while the others go on, and closes everything in reverse order. A run of which nobody says that it has tenants has one.
 *
 * @module
 */
import type { SourcesChange } from "./app/sources.ts";
import { openReceiveTimes } from "./app/receive_times.ts";
import { openStore, type Store } from "./app/store.ts";
import type { Writers } from "./sinks/sink.ts";
import { openTenant, type Shared, type Tenant, type TenantOptions, type TenantOutcome } from "./app/tenant.ts";
import { joinHealth, sumLedgers } from "./app/total.ts";
import type { Config } from "./config/load.ts";
import type { Database } from "./database/database.ts";
import { isJournaled } from "./journal/open.ts";
import { createSharedConnections } from "./providers/mod.ts";
import type { Provider } from "./providers/provider.ts";
import type { Health } from "./pipeline/health.ts";
import type { Ledger } from "./pipeline/ledger.ts";

export type { Store } from "./app/store.ts";
export type { Tenant, TenantOptions } from "./app/tenant.ts";

/** How a run ended: all tenants together, and the first failure of one. */
export interface Outcome extends TenantOutcome {
  readonly tenants: ReadonlyMap<string, TenantOutcome>;
}

/** What a run is made of. */
export interface AppOptions {
  /** Of the process: where records go. */
  readonly config: Config;
  /** Used instead of what the configuration names; stays open. */
  readonly database?: Database;
  readonly tenants: readonly TenantOptions[];
  /** Told what people should know of what tenants share. */
  readonly notice?: (message: string) => void;
}

/** What became of tenants; names of them. */
export interface TenantsChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Closed, and opened anew with other settings. */
  readonly reopened: readonly string[];
  /** What has changed of the providers of the others. */
  readonly kept: ReadonlyMap<string, SourcesChange>;
}

/** A run that is ready to start. */
export interface App extends AsyncDisposable {
  /** Where records go. */
  readonly store: Store;
  /** Aborts when all is to end. */
  readonly stopping: AbortSignal;
  /** The tenants of now. */
  tenants(): readonly Tenant[];
  /** All tenants as one. */
  readonly health: () => Health;
  readonly ledger: () => Ledger;
  /** Calls `fn` with each tenant, now and when one is added; what it gives is disposed of when the tenant is gone. */
  follow(fn: (tenant: Tenant) => Disposable): void;
  /** Runs until all tenants have ended. */
  run(): Promise<Outcome>;
  /**
   * Makes these the tenants while the run goes on. One that is there already is closed and opened anew where `isOther`
   * says that its settings are others, or where it has ended; else it only gets its providers, of which those that are as
   * they were go on untouched.
   *
   * @throws {Error} If one cannot be opened; of new ones, none are then, and nothing has changed.
   */
  replace(next: readonly TenantOptions[], isOther: (now: Config, next: Config) => boolean): Promise<TenantsChange>;
  /** Closes the sources; what is accepted is still written, within the drain timeout. */
  stop(): void;
  /** Gives up: what is not written stays in the journal, or goes to the dead letters, at once. */
  abort(reason: Error): void;
}

/** Who writes what the providers give. */
function writersOf(providers: readonly Provider[]): Writers {
  // The messages of a stream are shared by several workers, in any order.
  if (providers.some(({ keepsUnsettled }) => keepsUnsettled)) return "many";
  return providers.some(({ isLive }) => isLive) ? "live" : "alone";
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
    isKept: options.tenants.some(({ config: { settings }, providers }) =>
      providers.some((provider) => isJournaled(settings, provider))
    ),
    lanes: Math.max(0, ...options.tenants.map(({ config, kinds }) => (config.settings.workers + 1) * kinds.length)),
    writers: writersOf(options.tenants.flatMap(({ providers }) => providers)),
    notice: (message) => options.notice?.(message),
    opened,
  });

  const times = opened.use(
    openReceiveTimes({ dataDir: config.settings.dataDir, notice: (message) => options.notice?.(message) }),
  );
  const shared: Shared = { store, connections: createSharedConnections(), times };

  const tenants = new Map<string, Tenant>();
  const running = new Map<Tenant, Promise<void>>();
  const followers: ((tenant: Tenant) => Disposable)[] = [];
  const followed = new Map<Tenant, DisposableStack>();
  /** How those ended that are gone, by name. */
  const gone = new Map<string, TenantOutcome>();
  let isRunning = false;
  let isReplacing = false;
  let wake = () => {};

  function add(tenant: Tenant): void {
    tenants.set(tenant.name, tenant);
    const following = new DisposableStack();
    for (const follow of followers) following.use(follow(tenant));
    followed.set(tenant, following);
    if (isRunning) start(tenant);
  }

  function start(tenant: Tenant): void {
    if (stopping.signal.aborted) tenant.stop();
    running.set(
      tenant,
      tenant.run().then(() => {
        running.delete(tenant);
        wake();
      }),
    );
  }

  async function remove(tenant: Tenant): Promise<void> {
    tenant.stop();
    await running.get(tenant);
    if (tenant.outcome !== undefined) {
      const { ledger, failure } = tenant.outcome;
      const before = gone.get(tenant.name);
      if (ledger.journaled > 0) {
        options.notice?.(
          `tenant ${tenant.name} is closed with ${ledger.journaled} records in its journal, which are delivered when it is back`,
        );
      }
      gone.set(tenant.name, { ledger: sumLedgers(before === undefined ? [ledger] : [before.ledger, ledger]), failure });
    }
    tenants.delete(tenant.name);
    followed.get(tenant)?.dispose();
    followed.delete(tenant);
    await tenant[Symbol.asyncDispose]();
  }

  opened.defer(async () => {
    const closings = Array.from(tenants.values(), (tenant) => tenant[Symbol.asyncDispose]());
    const failed = (await Promise.allSettled(closings)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  });
  for (const each of options.tenants) add(await openTenant(shared, each));

  const isEnded = ({ outcome }: Tenant) => outcome !== undefined;
  const app: Omit<App, typeof Symbol.asyncDispose> = {
    store,
    stopping: stopping.signal,
    tenants: () => [...tenants.values()],
    health: () =>
      joinHealth(
        Array.from(tenants.values(), (tenant) => ({ name: tenant.name, health: tenant.health() })),
        stopping.signal.aborted,
      ),
    ledger: () =>
      sumLedgers([
        ...Array.from(gone.values(), ({ ledger }) => ledger),
        ...Array.from(tenants.values(), ({ ledger }) => ledger()),
      ]),
    follow(fn) {
      followers.push(fn);
      for (const [tenant, following] of followed) following.use(fn(tenant));
    },
    async run() {
      isRunning = true;
      for (const tenant of tenants.values()) start(tenant);
      while (running.size > 0 || isReplacing) await new Promise<void>((resolve) => wake = resolve);
      const outcomes = new Map([
        ...gone,
        ...Array.from(tenants.values(), ({ name, outcome }) => [name, outcome!] as const),
      ]);
      const failure = [...outcomes.values()].find((each) => each.failure !== undefined)?.failure;
      return { ledger: app.ledger(), failure, tenants: outcomes };
    },
    async replace(next, isOther) {
      if (isReplacing) throw new Error("Cannot reload: another reload is under way");
      isReplacing = true;
      try {
        await using coming = new AsyncDisposableStack();
        const added: Tenant[] = [];
        for (const each of next) {
          if (tenants.has(each.config.settings.tenant)) continue;
          added.push(coming.use(await openTenant(shared, each)));
        }
        coming.move();
        const wanted = new Map(next.map((each) => [each.config.settings.tenant, each]));
        const before = [...tenants.values()];
        const removed = before.filter(({ name }) => !wanted.has(name));
        const kept = new Map<string, SourcesChange>();
        const reopened: string[] = [];
        for (const tenant of added) add(tenant);
        await Promise.all(before.map(async (tenant) => {
          const options = wanted.get(tenant.name);
          if (options === undefined) return await remove(tenant);
          const needsAnew = isEnded(tenant)
            ? !isAlike(tenant.providers(), options.providers)
            : isOther(tenant.config, options.config);
          if (!needsAnew && !isEnded(tenant)) {
            return void kept.set(tenant.name, await tenant.replace(options.providers));
          }
          if (!needsAnew) return;
          reopened.push(tenant.name);
          await remove(tenant);
          add(await openTenant(shared, options));
        }));
        return {
          added: added.map(({ name }) => name),
          removed: removed.map(({ name }) => name),
          reopened,
          kept,
        };
      } finally {
        isReplacing = false;
        wake();
      }
    },
    stop() {
      stopping.abort();
      for (const tenant of tenants.values()) tenant.stop();
    },
    abort(reason) {
      stopping.abort();
      for (const tenant of tenants.values()) tenant.abort(reason);
    },
  };
  const closing = opened.move();
  return { ...app, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

/** Whether providers would do the same as others. */
function isAlike(some: Tenant["providers"] extends () => infer P ? P : never, others: typeof some): boolean {
  const prints = (all: typeof some) => JSON.stringify(all.map(({ name, fingerprint }) => [name, fingerprint]));
  return prints(some) === prints(others);
}

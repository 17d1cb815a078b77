/**
 * A store opened for reading: nothing is ingested, and its pages are like those of a run.
 *
 * @module
 */
import type { App } from "./app.ts";
import { joinHealth, sumLedgers } from "./aggregate.ts";
import { openStore } from "./store.ts";
import type { Tenant } from "./tenant.ts";
import type { Config } from "../config/load.ts";

/** The parts of a tenant for its pages. */
export type ServedTenant = Pick<
  Tenant,
  "name" | "config" | "health" | "ledger" | "quorum" | "listen" | "providers" | "pause" | "probe"
>;

/** The source of pages: a run, or a store for reading. */
export interface Served extends Pick<App, "store" | "stopping" | "health" | "ledger" | "stop"> {
  /** Whether nothing is ingested, and nothing may be written. */
  readonly isReadOnly?: boolean;
  tenants(): readonly ServedTenant[];
  /** Calls `fn` with each tenant, now and when one is added. Its result is disposed of when the tenant is removed. */
  follow(fn: (tenant: ServedTenant) => Disposable): void;
}

/** Options of {@linkcode openServing}. */
export interface ServingOptions {
  /** The configuration of the process, with its store. */
  readonly config: Config;
  /** Configurations of the tenants whose rows may be read. */
  readonly tenants: readonly Config[];
  /** Called with warnings for people. */
  readonly warn: (message: string) => void;
}

/**
 * Opens the store for reading. An embedded database of an earlier version is brought up to date; a server is not
 * changed.
 *
 * @throws {Error} If the store cannot be opened, or has no tables of this version.
 */
export async function openServing({ config, tenants, warn }: ServingOptions): Promise<Served & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const store = await openStore({ config, isReadOnly: true, isKept: false, uses: {}, lanes: 0, warn, opened });
  const stopping = new AbortController();
  const health = () => ({ coordinators: [], providers: [], stopping: stopping.signal.aborted });
  const ledger = () => sumLedgers([]);
  const served = tenants.map((config): ServedTenant => ({
    name: config.settings.tenant,
    config,
    health,
    ledger,
    listen() {},
    providers: () => [],
    pause: () => false,
    probe() {},
  }));
  const following = opened.use(new DisposableStack());
  const closing = opened.move();
  return {
    isReadOnly: true,
    store,
    stopping: stopping.signal,
    tenants: () => served,
    health: () => joinHealth(served.map(({ name, health }) => ({ name, health: health() })), stopping.signal.aborted),
    ledger,
    follow(fn) {
      for (const tenant of served) following.use(fn(tenant));
    },
    stop: () => stopping.abort(),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

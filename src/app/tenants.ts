/**
 * The tenants of a run: opened, reopened and removed while others run, and still counted after their removal.
 *
 * @module
 */
import { createCondition } from "../condition.ts";
import type { Ledger } from "../pipeline/ledger.ts";
import { openTenant, type Shared, type Tenant, type TenantOptions, type TenantOutcome } from "./tenant.ts";
import { sumLedgers } from "./aggregate.ts";

/** See the module's description. Disposing of them closes all. */
export interface Tenants extends AsyncDisposable {
  /** The current tenants. */
  current(): readonly Tenant[];
  get(name: string): Tenant | undefined;
  /** The sum of all tenants, removed ones included. */
  ledger(): Ledger;
  /** Calls `fn` with each tenant, now and when one is added. Its result is disposed of when the tenant is removed. */
  follow(fn: (tenant: Tenant) => Disposable): void;
  /**
   * Opens these tenants, and adds them.
   *
   * @throws {Error} If one cannot be opened; then none is added.
   */
  add(all: readonly TenantOptions[]): Promise<void>;
  /** Stops a tenant, waits until it has ended, and closes it. */
  remove(tenant: Tenant): Promise<void>;
  /**
   * Stops a tenant, and opens it again with other options; its ledger continues. The old tenant is closed first, as
   * only one can hold the journal.
   *
   * @throws {Error} If it cannot be opened; then it runs on with its former options. If it cannot be opened with those
   * either, it is removed and counts as failed.
   */
  reopen(tenant: Tenant, options: TenantOptions): Promise<void>;
  /** Runs until all have ended and no hold is left; returns the outcome of each, removed ones included. */
  run(): Promise<ReadonlyMap<string, TenantOutcome>>;
  /** Keeps {@linkcode Tenants.run} from ending until the result is disposed of. */
  hold(): Disposable;
}

/** A current tenant. */
interface Entry {
  readonly tenant: Tenant;
  readonly options: TenantOptions;
  readonly following: DisposableStack;
  /** Its run, until that has ended. */
  running?: Promise<void>;
}

/** Creates the tenants of a run, at first without any. */
export function createTenants(
  shared: Shared,
  stopping: AbortSignal,
  warn: (message: string) => void,
): Tenants {
  const entries = new Map<string, Entry>();
  const followers: ((tenant: Tenant) => Disposable)[] = [];
  /** Outcomes of removed tenants, by name. */
  const gone = new Map<string, TenantOutcome>();
  let isRunning = false;
  let holds = 0;
  const condition = createCondition();

  const open = (options: TenantOptions, before?: Ledger) => openTenant(shared, options, before);

  function enter(tenant: Tenant, options: TenantOptions): void {
    const entry: Entry = { tenant, options, following: new DisposableStack() };
    entries.set(tenant.name, entry);
    gone.delete(tenant.name);
    for (const follow of followers) entry.following.use(follow(tenant));
    if (isRunning) start(entry);
  }

  function start(entry: Entry): void {
    if (stopping.aborted) entry.tenant.stop();
    entry.running = entry.tenant.run().then(() => {
      entry.running = undefined;
      condition.notify();
    });
  }

  async function close({ tenant, running }: Entry): Promise<void> {
    tenant.stop();
    await running;
    await tenant[Symbol.asyncDispose]();
  }

  function leave({ tenant, following }: Entry, outcome: TenantOutcome | undefined): void {
    entries.delete(tenant.name);
    following.dispose();
    if (outcome !== undefined) gone.set(tenant.name, outcome);
  }

  return {
    current: () => Array.from(entries.values(), ({ tenant }) => tenant),
    get: (name) => entries.get(name)?.tenant,
    ledger: () =>
      sumLedgers([
        ...Array.from(gone.values(), ({ ledger }) => ledger),
        ...Array.from(entries.values(), ({ tenant }) => tenant.ledger()),
      ]),
    follow(fn) {
      followers.push(fn);
      for (const { tenant, following } of entries.values()) following.use(fn(tenant));
    },
    async add(all) {
      await using coming = new AsyncDisposableStack();
      const opened: [Tenant, TenantOptions][] = [];
      for (const options of all) {
        const before = gone.get(options.config.settings.tenant)?.ledger;
        opened.push([coming.use(await open(options, before)), options]);
      }
      coming.move();
      for (const [tenant, options] of opened) enter(tenant, options);
    },
    async remove(tenant) {
      const entry = entries.get(tenant.name)!;
      await close(entry);
      const { journaled } = tenant.ledger();
      if (journaled > 0) {
        warn(
          `Tenant ${tenant.name} is closed with ${journaled} records in its journal, which are delivered when it is opened again`,
        );
      }
      leave(entry, tenant.outcome);
    },
    async reopen(tenant, options) {
      const entry = entries.get(tenant.name)!;
      const former = { ...entry.options, providers: tenant.providers() };
      await close(entry);
      const before = tenant.ledger();
      const enterInPlace = (next: Tenant, options: TenantOptions) => {
        leave(entry, undefined);
        enter(next, options);
      };
      try {
        enterInPlace(await open(options, before), options);
      } catch (cause) {
        const failed = `Cannot reopen tenant ${tenant.name}: ${(cause as Error).message}`;
        try {
          enterInPlace(await open(former, before), former);
        } catch (error) {
          leave(entry, { ledger: before, failure: error });
          throw new Error(
            `${failed}. It cannot be opened with its former settings either: ${(error as Error).message}`,
            { cause },
          );
        }
        throw new Error(`${failed}. It runs on with its former settings`, { cause });
      }
    },
    async run() {
      isRunning = true;
      for (const entry of entries.values()) start(entry);
      const isOver = () => holds === 0 && [...entries.values()].every(({ running }) => running === undefined);
      while (!isOver()) await condition.changed();
      return new Map([
        ...gone,
        ...Array.from(entries.values(), ({ tenant: { name, outcome } }) => [name, outcome!] as const),
      ]);
    },
    hold() {
      holds++;
      return {
        [Symbol.dispose]() {
          holds--;
          condition.notify();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const closings = Array.from(entries.values(), ({ tenant }) => tenant[Symbol.asyncDispose]());
      const failed = (await Promise.allSettled(closings)).find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
    },
  };
}

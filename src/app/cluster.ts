/**
 * Runs as an instance of a cluster: its shards determine the symbols of its providers.
 *
 * @module
 */
import { on } from "../events.ts";
import { onAbort } from "../abort.ts";
import type { Tenant } from "./tenant.ts";
import { type Cluster, createCluster } from "../cluster/cluster.ts";
import { fenceProvider } from "../cluster/fence.ts";
import { leaseTimes } from "../cluster/lease.ts";
import { type ClusterOverview, describeCluster } from "../cluster/overview.ts";
import type { Config } from "../config/load.ts";
import type { Provider } from "../providers/provider.ts";
import { VERSION } from "../version.ts";
import { clusterOf } from "./cluster_name.ts";
import { openLeaseStore } from "./lease_store.ts";
import type { SourcesChange } from "./provider_changes.ts";

/** Creates the providers of these shards. */
export type Share = (held: ReadonlySet<number>) => readonly Provider[];

/** Options of {@linkcode openSharing}. */
export interface SharingOptions {
  config: Config;
  /** The tenant whose symbols are distributed. */
  tenant: Pick<Tenant, "ledger" | "replace" | "emit" | "listen" | "stopping">;
  share: Share;
}

/** This instance in its cluster. Disposing of it leaves the cluster. */
export interface Sharing extends AsyncDisposable {
  readonly instance: string;
  /**
   * Joins the cluster and begins to claim shards.
   *
   * @throws {ClusterError} If the set-up does not allow it to join.
   */
  start(): Promise<void>;
  /** Distributes these providers instead. */
  replace(share: Share): Promise<SourcesChange>;
  /** All instances and their shards, by the last heartbeat. */
  overview(): ClusterOverview & { readonly instance: string };
}

/**
 * Prepares the instance, for a tenant without its own providers. Waits for an unreachable lease database.
 *
 * @throws {Error} If the lease database cannot be used.
 */
export async function openSharing({ config, tenant, share: given }: SharingOptions): Promise<Sharing> {
  const { settings } = config;
  const { shards = 1, shard } = settings;
  const name = clusterOf(settings);
  const instance = settings.instance ?? `${Deno.hostname()}-${Deno.pid}-${crypto.randomUUID().slice(0, 4)}`;
  const startedAt = Date.now() / 1000;
  const times = leaseTimes(settings.leaseSeconds);
  let share = given;
  let last: { at: number; lagMs: number } | undefined;
  let change: SourcesChange = { added: [], removed: [], replaced: [], kept: [] };
  let fence = new AbortController();
  let streams = 0;

  const leases = await openLeaseStore({ config, cluster: name, name: `barline ${instance}`, times });
  const cluster: Cluster = createCluster({
    store: leases.store,
    times,
    report() {
      const { inFlight, journaled } = tenant.ledger();
      return {
        instance,
        host: Deno.hostname(),
        pid: Deno.pid,
        version: VERSION,
        startedAt,
        holdMs: times.holdMs,
        shards,
        fixed: typeof shard === "number" ? shard : undefined,
        waiting: inFlight + journaled,
        lastCommitAt: last?.at,
        lagMs: last?.lagMs,
      };
    },
    async stream(held) {
      const behind = { signal: fence.signal, isOpen: cluster.isHolding, onCount };
      change = await tenant.replace(share(held).map((provider) => fenceProvider(provider, behind)));
    },
    cut(reason) {
      fence.abort(reason);
      fence = new AbortController();
    },
    emit: tenant.emit,
  });

  function onCount(by: number): void {
    streams += by;
    leaveWhenDone();
  }

  /** Releases the shards once nothing is streamed, even while accepted records are still being written. */
  function leaveWhenDone(): void {
    if (!tenant.stopping.aborted) return;
    cluster.prepareToLeave();
    if (streams === 0) cluster.leave();
  }
  onAbort(tenant.stopping, leaveWhenDone);
  tenant.listen(on({
    "committed"({ receivedAt }) {
      last = { at: Date.now() / 1000, lagMs: Math.max(0, Date.now() - receivedAt / 1000) };
    },
  }));

  return {
    instance,
    start: cluster.start,
    async replace(next) {
      share = next;
      await cluster.refresh();
      return change;
    },
    overview: () => ({
      ...describeCluster(name, cluster.membership() ?? { members: [], blocked: new Set() }),
      shards,
      instance,
    }),
    async [Symbol.asyncDispose]() {
      await cluster.leave();
      await leases[Symbol.asyncDispose]();
    },
  };
}

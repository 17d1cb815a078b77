/**
 * A run as one of several that share out shards: what it holds decides which symbols its providers have.
 *
 * @module
 */
import { on } from "../events.ts";
import { onAbort } from "../abort.ts";
import type { Tenant } from "./tenant.ts";
import { type Cluster, createCluster } from "../cluster/cluster.ts";
import { fenceProvider } from "../cluster/fence.ts";
import { leaseTimes } from "../cluster/lease.ts";
import { type ClusterOverview, describeCensus } from "../cluster/overview.ts";
import type { Config } from "../config/load.ts";
import type { Provider } from "../providers/provider.ts";
import { VERSION } from "../version.ts";
import { clusterOf } from "./cluster_name.ts";
import { openKeepers } from "./keepers.ts";
import type { SourcesChange } from "./sources.ts";

/** Makes the providers of some shards. */
export type Share = (held: ReadonlySet<number>) => readonly Provider[];

/** Options of {@linkcode openSharing}. */
export interface SharingOptions {
  config: Config;
  /** The one whose symbols are shared out. */
  tenant: Pick<Tenant, "ledger" | "replace" | "tell" | "listen" | "stopping">;
  share: Share;
}

/** This instance's part in the cluster. Disposing of it leaves the cluster. */
export interface Sharing extends AsyncDisposable {
  readonly instance: string;
  /**
   * Joins the cluster and begins to take shards.
   *
   * @throws {ClusterError} If that is in vain.
   */
  start(): Promise<void>;
  /** Makes these what there is to share out. */
  replace(share: Share): Promise<SourcesChange>;
  /** All instances and their shards, as this one has last heard. */
  overview(): ClusterOverview & { readonly instance: string };
}

/**
 * Prepares the part of a tenant that has no providers of its own.
 *
 * @throws {Error} If the database that keeps the leases cannot be used; one that is away is waited for.
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

  const keepers = await openKeepers({ config, cluster: name, name: `barline ${instance}`, times });
  const cluster: Cluster = createCluster({
    keeper: keepers.leases,
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
    tell: tenant.tell,
  });

  function onCount(by: number): void {
    streams += by;
    leaveWhenDone();
  }

  /** Once nothing is streamed any more others may, however long the writing of what was accepted takes. */
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
      ...describeCensus(name, cluster.census() ?? { members: [], blocked: new Set() }),
      shards,
      instance,
    }),
    async [Symbol.asyncDispose]() {
      await cluster.leave();
      await keepers[Symbol.asyncDispose]();
    },
  };
}

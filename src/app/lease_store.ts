/**
 * Opens the store of a cluster's leases: PostgreSQL or, without a database, NATS.
 *
 * @module
 */
import type { LeaseStore, LeaseTimes } from "../cluster/lease.ts";
import { createNatsLeaseStore } from "../cluster/nats_lease.ts";
import { createPostgresLeaseStore } from "../cluster/postgres_lease.ts";
import { keepsLeasesInNats } from "../config/cluster.ts";
import type { Config } from "../config/load.ts";
import { openLeaseDatabase } from "../database/open.ts";
import { openPrepared } from "../database/prepare.ts";
import { openNats } from "../nats/connection.ts";

/** An open lease store. Disposing of it closes its connection. */
export interface OpenLeaseStore extends AsyncDisposable {
  readonly store: LeaseStore;
}

/** Options of {@linkcode openLeaseStore}. */
export interface LeaseStoreOptions {
  config: Config;
  cluster: string;
  /** Name of the connections at the server. */
  name: string;
  times: LeaseTimes;
}

/**
 * Opens the store; waits for a server that is away.
 *
 * @throws {Error} If the database cannot be used.
 */
export async function openLeaseStore(options: LeaseStoreOptions): Promise<OpenLeaseStore> {
  const { config, cluster, name, times } = options;
  const { settings } = config;
  if (keepsLeasesInNats(settings)) {
    const nats = openNats(settings, name);
    const { natsReplicas: replicas } = settings;
    return {
      store: createNatsLeaseStore({ nats, cluster, times, replicas }),
      [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose](),
    };
  }
  const database = await openPrepared(openLeaseDatabase(config, name, times.holdMs), {
    uses: { leases: true },
    settle: () => Promise.resolve(),
    mayWait: () => true,
  });
  return {
    store: createPostgresLeaseStore({ database, cluster, times }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

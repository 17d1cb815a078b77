/**
 * Where the instances of a cluster keep what all must know: in PostgreSQL or, where there is none, in NATS.
 *
 * @module
 */
import type { LeaseKeeper, LeaseTimes } from "../cluster/lease.ts";
import { keepLeasesInNats } from "../cluster/nats_lease.ts";
import { keepLeasesInPostgres } from "../cluster/postgres_lease.ts";
import { keepsLeasesInNats } from "../config/cluster.ts";
import type { Config } from "../config/load.ts";
import { openLeaseDatabase } from "../database/open.ts";
import { openPrepared } from "../database/prepare.ts";
import { openNats } from "../nats/connection.ts";

/** Leases of a cluster. Disposing of it closes the way to them. */
export interface Keepers extends AsyncDisposable {
  readonly leases: LeaseKeeper;
}

/** What is to be opened. */
export interface KeepersOptions {
  config: Config;
  cluster: string;
  /** What the server is to call the connections. */
  name: string;
  times: LeaseTimes;
}

/**
 * Opens the way to them; one that leads nowhere for now is waited for.
 *
 * @throws {Error} If the database cannot be used.
 */
export async function openKeepers({ config, cluster, name, times }: KeepersOptions): Promise<Keepers> {
  const { settings } = config;
  if (keepsLeasesInNats(settings)) {
    const nats = openNats(settings, name);
    const { natsReplicas: replicas } = settings;
    return {
      leases: keepLeasesInNats({ nats, cluster, times, replicas }),
      [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose](),
    };
  }
  const database = await openPrepared(openLeaseDatabase(config, name, times.holdMs), {
    uses: { leases: true },
    settle: () => Promise.resolve(),
    mayWait: () => true,
  });
  return {
    leases: keepLeasesInPostgres({ database, cluster, times }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

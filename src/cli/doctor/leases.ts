/**
 * Checks of the lease store for `barline doctor`.
 *
 * @module
 */
import type { Client } from "pg";
import type { Membership } from "../../cluster/lease.ts";
import { readNatsMembership } from "../../cluster/nats_lease.ts";
import { describeCluster } from "../../cluster/overview.ts";
import { checkLeaseServer, readMembership } from "../../cluster/postgres_lease.ts";
import { keepsLeasesInNats } from "../../config/cluster.ts";
import type { Config } from "../../config/load.ts";
import { withClient } from "../../database/database.ts";
import type { Names } from "../../database/names.ts";
import { openLeaseDatabase } from "../../database/open.ts";
import { inspectSchema } from "../../database/schema/inspect.ts";
import { openNats } from "../../nats/connection.ts";
import { explainNatsError } from "../../nats/prepared.ts";

const TIMEOUT_MS = 10_000;

/**
 * Checks that leases can be kept, and lists their holders.
 *
 * @throws {Error} If they cannot, or the present instances have another number of shards.
 */
export async function checkLeases(config: Config): Promise<string> {
  const { shards = 1, cluster } = config.settings;
  const found = describeCluster(cluster, await readAll(config));
  const there = found.instances.filter(({ state }) => state !== "lost").length;
  const words = `cluster ${cluster}, ${there} ${there === 1 ? "instance" : "instances"}`;
  if (there === 0) return words;
  if (found.shards !== shards) {
    throw new Error(`${words} with ${found.shards} shards, expected ${shards}: give all the same --shards`);
  }
  return `${words}, ${found.unheld.length === 0 ? "all" : found.shards - found.unheld.length} of ${shards} shards held`;
}

async function readAll(config: Config): Promise<Membership> {
  const { settings } = config;
  if (!keepsLeasesInNats(settings)) {
    await using database = openLeaseDatabase(config, "barline doctor", TIMEOUT_MS);
    return await withClient(database, async (client, names) => {
      await checkLeaseServer(client, database.label);
      return await hasTable(client, names)
        ? await readMembership(client, names, settings.cluster)
        : { members: [], blocked: new Set() };
    });
  }
  await using nats = openNats(settings, "barline doctor");
  try {
    return await readNatsMembership(nats, settings.cluster);
  } catch (error) {
    throw explainNatsError(nats.label, error);
  }
}

/** The first instance creates it. */
async function hasTable(client: Client, names: Names): Promise<boolean> {
  return (await inspectSchema(client, names, ["cluster_lease"])).relations.size > 0;
}

/**
 * Frontiers in a NATS key-value bucket: a key for each source and shard, with those of all its symbols.
 *
 * @module
 */
import { jetstream, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { connectNow, type Nats } from "../nats/connection.ts";
import { shardOf } from "../records/shard.ts";
import type { FrontierStore } from "./frontiers.ts";
import { bucketOf } from "./nats_lease.ts";

/** Where {@linkcode keepFrontiersInNats} keeps them. */
export interface NatsFrontierOptions {
  /** Stays the caller's to dispose. */
  nats: Nats;
  cluster: string;
  /** Number of shards: only who holds one writes the key of its symbols. */
  shards: number;
  /** Servers that keep a copy of the bucket. */
  replicas: number;
  /** Longest wait for an answer, in milliseconds. */
  timeoutMs: number;
}

/** Keeps the frontiers of a cluster beside its leases. */
export function keepFrontiersInNats(options: NatsFrontierOptions): FrontierStore {
  const { nats, cluster, shards, replicas, timeoutMs } = options;
  /** All symbols of each key, as the whole is written. */
  const written = new Map<string, Map<string, number>>();
  // A key takes letters, digits and a few signs.
  const prefixOf = (source: string) => encodeURIComponent(source).replace(/[%!'()*~.]/g, "=");

  async function open(): Promise<KV> {
    const manager = new Kvm(jetstream(await connectNow(nats), { timeout: timeoutMs }));
    const name = `${bucketOf(cluster)}_frontiers`;
    return await manager.create(name, { history: 1, storage: StorageType.File, replicas });
  }

  function note(key: string, frontiers: Iterable<readonly [string, number]>): Map<string, number> {
    let found = written.get(key);
    if (found === undefined) written.set(key, found = new Map());
    for (const [symbol, to] of frontiers) found.set(symbol, Math.max(to, found.get(symbol) ?? -Infinity));
    return found;
  }

  return {
    async load(source) {
      const bucket = await open();
      const all = new Map<string, number>();
      // Also what was written when there were more shards, or fewer.
      for await (const entry of await bucket.history({ key: `${prefixOf(source)}.>` })) {
        if (entry.operation !== "PUT") continue;
        const frontiers = Object.entries(entry.json<Record<string, number>>());
        note(entry.key, frontiers);
        for (const [symbol, to] of frontiers) all.set(symbol, Math.max(to, all.get(symbol) ?? -Infinity));
      }
      return all;
    },
    async save(source, frontiers) {
      const bucket = await open();
      const byKey = Map.groupBy(frontiers, ([symbol]) => `${prefixOf(source)}.${shards}.${shardOf(symbol, shards)}`);
      await Promise.all(Array.from(byKey, async ([key, some]) => {
        await bucket.put(key, JSON.stringify(Object.fromEntries(note(key, some))), { timeout: timeoutMs });
      }));
    },
  };
}

/**
 * Leases in a NATS key-value bucket, for instances without a database: a key for each shard that is held, with the id of
 * its holder, and one for each instance with its report.
 *
 * The server drops a key that has not been written for `ttlMs`, the bucket's age. Only who created a key knows its revision
 * and can write it again; a key that is there cannot be created. So a shard is free `ttlMs` after the last beat of its holder
 * at the earliest, who has stopped by then, as he may hold on for `holdMs` only. What the instances know of each other they
 * hear by watching the bucket; that may be late and decides nothing.
 *
 * @module
 */
import { deadline } from "@std/async/deadline";
import { jetstream, JetStreamApiError, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectNow, type Nats } from "../nats/connection.ts";
import { findStream } from "../nats/stream.ts";
import { ClusterError, LeaseLostError } from "./lease.ts";
import type { Census, Lease, LeaseKeeper, LeaseTimes } from "./lease.ts";
import { createBoard, readBucket, watchBucket, type WatchedBoard } from "./nats_board.ts";

/** Where {@linkcode keepLeasesInNats} keeps them. */
export interface NatsLeaseOptions {
  /** Stays the caller's to dispose. */
  nats: Nats;
  /** Name of the instances that share the shards. */
  cluster: string;
  times: LeaseTimes;
  /** Servers that keep a copy of the bucket. */
  replicas: number;
}

/** The name of a cluster's bucket, which takes no dots. */
export const bucketOf = (cluster: string) => `barline_${cluster.replaceAll(".", "--")}`;
const shardKey = (shard: number) => `shard.${shard}`;
const memberKey = (id: string) => `member.${id}`;

/** Describes the leases of a cluster; nothing is opened yet. */
export function keepLeasesInNats({ nats, cluster, times, replicas }: NatsLeaseOptions): LeaseKeeper {
  const { ttlMs, holdMs } = times;

  return {
    label: nats.label,
    async join(id, report) {
      const connection = await deadline(connectNow(nats), holdMs);
      const bucket = await deadline(openBucket(connection), holdMs);
      const board = await deadline(watchBucket(bucket, ttlMs), holdMs);
      try {
        const manager = await deadline(jetstreamManager(connection, { timeout: holdMs, checkAPI: false }), holdMs);
        await deadline(readBucket(manager, bucket, bucketOf(cluster), board), holdMs);
        const lease = createLease(bucket, board, id);
        const { members } = await lease.beat(report, []);
        const others = new Set(members.filter(({ isAlive }) => isAlive).map((member) => member.report.shards));
        others.delete(report.shards);
        if (others.size === 0) return lease;
        throw new ClusterError(
          `Cannot join the cluster "${cluster}" with ${report.shards} shards: others of it run with ` +
            `${[...others].join(" and ")}. Give all the same --shards, or stop those first`,
        );
      } catch (error) {
        board.stop();
        if (error instanceof ClusterError) await bucket.delete(memberKey(id)).catch(() => {});
        throw error;
      }
    },
  };

  async function openBucket(connection: NatsConnection): Promise<KV> {
    const manager = new Kvm(jetstream(connection, { timeout: holdMs }));
    const bucket = await manager.create(bucketOf(cluster), {
      ttl: ttlMs,
      history: 1,
      storage: StorageType.File,
      replicas,
    });
    const { ttl } = await bucket.status();
    if (Math.round(ttl) === Math.round(ttlMs)) return bucket;
    throw new ClusterError(
      `Cannot join the cluster "${cluster}" with leases of ${ttlMs / 1000} s: those of its bucket ${
        bucketOf(cluster)
      } ` +
        `are of ${ttl / 1000} s. Give all the same --lease-seconds, or delete the bucket when none is running`,
    );
  }

  function createLease(bucket: KV, board: WatchedBoard, id: string): Lease {
    const revisions = new Map<number, number>();

    async function renew(shard: number): Promise<void> {
      const revision = revisions.get(shard);
      if (revision === undefined) throw new LeaseLostError(`shard ${shard} is not this session's`);
      try {
        revisions.set(shard, await bucket.update(shardKey(shard), id, revision, holdMs));
      } catch (error) {
        if (error instanceof JetStreamApiError) throw new LeaseLostError(`shard ${shard}: ${error.message}`);
        throw error;
      }
    }

    async function tryToTake(shard: number): Promise<number | undefined> {
      const key = shardKey(shard);
      const seen = board.get(key);
      try {
        // One that this instance held by a session that is over is its own still.
        const revision = seen?.value === id
          ? await bucket.update(key, id, seen.revision)
          : await bucket.create(key, id);
        revisions.set(shard, revision);
        return shard;
      } catch (error) {
        if (error instanceof JetStreamApiError) return undefined;
        throw error;
      }
    }

    return {
      async beat(report, held) {
        const told = JSON.stringify(report);
        const [revision] = await deadline(
          Promise.all([bucket.put(memberKey(id), told, { timeout: holdMs }), ...held.map(renew)]),
          holdMs,
        );
        // What has been told after that is news of the next beat.
        await deadline(board.reached(revision), holdMs);
        return board.census();
      },
      async take(shards) {
        const got: (number | undefined)[] = await deadline(Promise.all(shards.map(tryToTake)), holdMs);
        return got.filter((shard) => shard !== undefined);
      },
      async give(shard) {
        await deadline(bucket.delete(shardKey(shard), { previousSeq: revisions.get(shard) }), holdMs);
        revisions.delete(shard);
      },
      cut: board.stop,
      async [Symbol.asyncDispose]() {
        const farewells = Array.from(
          revisions,
          ([shard, previousSeq]) => bucket.delete(shardKey(shard), { previousSeq }),
        );
        await deadline(Promise.allSettled([...farewells, bucket.delete(memberKey(id))]), holdMs).catch(() => {});
        board.stop();
      },
    };
  }
}

/** Reads the census of a cluster; there is nobody in one without a bucket. */
export async function readNatsCensus(nats: Nats, cluster: string): Promise<Census> {
  const connection = await connectNow(nats);
  const manager = await jetstreamManager(connection);
  const stream = await findStream(manager, `KV_${bucketOf(cluster)}`);
  if (stream === undefined) return { members: [], blocked: new Set() };
  const board = createBoard(stream.max_age / 1e6);
  const bucket = await new Kvm(jetstream(connection)).open(bucketOf(cluster));
  await readBucket(manager, bucket, bucketOf(cluster), board);
  return board.census();
}

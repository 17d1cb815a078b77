/**
 * Leases in a NATS key-value bucket, for instances without a database. The bucket has a key for each held shard, with
 * the id of its holder, and a key for each instance, with its report.
 *
 * The server drops a key that was not written for `ttlMs`, the age limit of the bucket. Only the instance that created
 * a key knows its revision and can write it again, and an existing key cannot be created. So a shard becomes free at
 * the earliest `ttlMs` after the last heartbeat of its holder, which has stopped streaming after `holdMs`. Instances
 * learn of each other by watching the bucket, which may be late, and decides nothing.
 *
 * @module
 */
import { deadline } from "@std/async/deadline";
import { jetstream, JetStreamApiError, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { orAborted } from "../abort.ts";
import { connectNow, type Nats } from "../nats/connection.ts";
import { findStream } from "../nats/stream.ts";
import { ClusterError, LeaseLostError } from "./lease.ts";
import type { Lease, LeaseStore, LeaseTimes, Membership } from "./lease.ts";
import { createBoard, readBucket, watchBucket, type WatchedBoard } from "./nats_board.ts";

/** Options of {@linkcode createNatsLeaseStore}. */
export interface NatsLeaseOptions {
  /** The caller disposes of it. */
  nats: Nats;
  /** Name of the cluster. */
  cluster: string;
  times: LeaseTimes;
  /** Copies of the bucket, each on another server. */
  replicas: number;
}

/** Name of a cluster's bucket; such names have no dots. */
export const bucketOf = (cluster: string) => `barline_${cluster.replaceAll(".", "--")}`;
const shardKey = (shard: number) => `shard.${shard}`;
const memberKey = (id: string) => `member.${id}`;

/** Creates the store; it connects with the first session. */
export function createNatsLeaseStore({ nats, cluster, times, replicas }: NatsLeaseOptions): LeaseStore {
  const { ttlMs, holdMs } = times;

  return {
    label: nats.label,
    async join(id, report, signal) {
      const answer = <T>(promise: Promise<T>): Promise<T> => orAborted(deadline(promise, holdMs), signal);
      const connection = await answer(connectNow(nats));
      const bucket = await answer(openBucket(connection));
      const board = await answer(watchBucket(bucket, ttlMs));
      try {
        const manager = await answer(jetstreamManager(connection, { timeout: holdMs, checkAPI: false }));
        await answer(readBucket(manager, bucket, bucketOf(cluster), board));
        const lease = createLease(bucket, board, id);
        const { members } = await orAborted(lease.heartbeat(report, []), signal);
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
      if (revision === undefined) throw new LeaseLostError(`shard ${shard} belongs to another session`);
      try {
        revisions.set(shard, await bucket.update(shardKey(shard), id, revision, holdMs));
      } catch (error) {
        if (error instanceof JetStreamApiError) throw new LeaseLostError(`shard ${shard}: ${error.message}`);
        throw error;
      }
    }

    async function tryToClaim(shard: number): Promise<number | undefined> {
      const key = shardKey(shard);
      const seen = board.get(key);
      try {
        // A key of this instance from an ended session still belongs to it.
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
      async heartbeat(report, held) {
        const value = JSON.stringify(report);
        const [revision] = await deadline(
          Promise.all([bucket.put(memberKey(id), value, { timeout: holdMs }), ...held.map(renew)]),
          holdMs,
        );
        // The next heartbeat answers later changes.
        await deadline(board.reached(revision), holdMs);
        return board.membership();
      },
      async claim(shards) {
        const got: (number | undefined)[] = await deadline(Promise.all(shards.map(tryToClaim)), holdMs);
        return got.filter((shard) => shard !== undefined);
      },
      async release(shard) {
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

/** Reads the membership of a cluster; a cluster without a bucket has no instances. */
export async function readNatsMembership(nats: Nats, cluster: string): Promise<Membership> {
  const connection = await connectNow(nats);
  const manager = await jetstreamManager(connection);
  const stream = await findStream(manager, `KV_${bucketOf(cluster)}`);
  if (stream === undefined) return { members: [], blocked: new Set() };
  const board = createBoard(stream.max_age / 1e6);
  const bucket = await new Kvm(jetstream(connection)).open(bucketOf(cluster));
  await readBucket(manager, bucket, bucketOf(cluster), board);
  return board.membership();
}

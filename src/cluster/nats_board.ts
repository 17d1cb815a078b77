/**
 * The contents of the bucket with a cluster's leases: the holder of each shard, and the last report of each instance.
 *
 * @module
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { type KV, type KvEntry, KvWatchInclude } from "@nats-io/kv";
import type { InstanceReport, Membership } from "./lease.ts";

/** The last value of a key. */
export interface Seen {
  readonly value: string;
  readonly revision: number;
  /** By the monotonic clock, in milliseconds. */
  readonly at: number;
}

/** The contents of a bucket, as far as known. */
export interface Board {
  take(entry: KvEntry): void;
  get(key: string): Seen | undefined;
  membership(): Membership;
}

/** A board that follows the changes of its bucket. */
export interface WatchedBoard extends Board {
  /** Resolves when all changes up to a revision are known. */
  reached(revision: number): Promise<void>;
  stop(): void;
}

/** Creates a board for a bucket that silently drops keys not written for `ttlMs`. */
export function createBoard(ttlMs: number): Board {
  const seen = new Map<string, Seen>();

  function get(key: string): Seen | undefined {
    const found = seen.get(key);
    if (found === undefined || performance.now() - found.at < ttlMs) return found;
    seen.delete(key);
  }

  return {
    take(entry) {
      const { key, revision, operation } = entry;
      if (revision < (seen.get(key)?.revision ?? 0)) return;
      if (operation === "PUT") seen.set(key, { value: entry.string(), revision, at: performance.now() });
      else seen.delete(key);
    },
    get,
    membership() {
      const holders = new Map<string, number[]>();
      const reports: [string, Seen][] = [];
      for (const key of [...seen.keys()].sort()) {
        const found = get(key);
        if (found === undefined) continue;
        const [kind, name] = key.split(".");
        if (kind === "member") reports.push([name, found]);
        else holders.set(found.value, [...holders.get(found.value) ?? [], Number(name)]);
      }
      const members = reports.map(([id, { value, at }]) => ({
        id,
        report: JSON.parse(value) as InstanceReport,
        held: (holders.get(id) ?? []).sort((a, b) => a - b),
        silentMs: performance.now() - at,
        isAlive: true,
      }));
      members.sort((a, b) => a.report.startedAt - b.report.startedAt || (a.id < b.id ? -1 : 1));
      const known = new Set(members.map(({ id }) => id));
      const blocked = [...holders].filter(([id]) => !known.has(id)).flatMap(([, shards]) => shards);
      return { members, blocked: new Set(blocked) };
    },
  };
}

/** Reads all keys of a bucket into the board, also those written meanwhile. */
export async function readBucket(manager: JetStreamManager, bucket: KV, name: string, board: Board): Promise<void> {
  const { state } = await manager.streams.info(`KV_${name}`, { subjects_filter: ">" });
  const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(`$KV.${name}.`.length));
  await Promise.all(keys.map(async (key) => {
    const entry = await bucket.get(key);
    if (entry !== null) board.take(entry);
  }));
}

/** Watches a bucket from now on. */
export async function watchBucket(bucket: KV, ttlMs: number): Promise<WatchedBoard> {
  const watch = await bucket.watch({ include: KvWatchInclude.UpdatesOnly });
  const board = createBoard(ttlMs);
  let latest = 0;
  let isOver = false;
  let next = Promise.withResolvers<void>();

  async function follow(): Promise<void> {
    for await (const entry of watch) {
      board.take(entry);
      latest = entry.revision;
      next.resolve();
      next = Promise.withResolvers();
    }
  }
  follow().catch(() => {}).finally(() => {
    isOver = true;
    next.resolve();
  });

  return {
    ...board,
    async reached(revision) {
      while (latest < revision) {
        if (isOver) throw new Error("the watch of the bucket has ended");
        await next.promise;
      }
    },
    stop: () => watch.stop(),
  };
}

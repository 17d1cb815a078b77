/**
 * Coverage in a NATS key-value bucket, for instances of a cluster whose records go to NATS: a key for each series.
 *
 * A change is merged into the value of the key, and written only if no other process has written it meanwhile;
 * otherwise it is merged again.
 *
 * @module
 */
import { jetstream, JetStreamApiError, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type SeriesCoverage, UNKNOWN } from "../coverage/coverage.ts";
import { type CoverageJson, fromJson, toJson } from "../coverage/json.ts";
import { applyChange, type CoverageChange, type CoverageStore, type SeriesOwner } from "../coverage/store.ts";
import { doubtEnds } from "../coverage/upgrade.ts";
import type { Interval } from "../records/intervals.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import { connectNow, type Nats, unlessAborted } from "./connection.ts";
import { findStream, manageStreams } from "./stream.ts";

/** Options of {@linkcode keepCoverageInNats}. */
export interface NatsCoverageOptions {
  /** The caller disposes of it. */
  readonly nats: Nats;
  /** Name of the instances that share the series; tenants have one each. */
  readonly cluster: string;
  /** Number of servers with a copy of the bucket. */
  readonly replicas: number;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Stored with each change, for people. */
  readonly writer: string;
}

/** The last value of a key, as far as this process knows. */
interface Held {
  readonly coverage: SeriesCoverage;
  readonly revision: number;
}

/** Keys written at once. */
const PARALLEL = 64;
/** Attempts to write a key that other processes write, too. */
const ATTEMPTS = 20;
/** The server's codes for a revision that is not the last one. */
const WRONG_REVISION = [10071, 10164];

/** Keeps the coverage of a cluster's series. */
export function keepCoverageInNats(options: NatsCoverageOptions): CoverageStore {
  const { nats, cluster, replicas, timeoutMs: timeout, writer } = options;
  const held = new Map<string, Held>();

  // The name of a bucket must not contain dots.
  const bucketOf = (content: string) => `barline_${cluster.replaceAll(".", "--")}_${content}`;
  let hasUpgraded = false;

  async function open(): Promise<KV> {
    const manager = new Kvm(jetstream(await connectNow(nats), { timeout }));
    const bucket = await manager.create(bucketOf("coverage"), { history: 1, storage: StorageType.File, replicas });
    if (!hasUpgraded) await upgrade(bucket);
    hasUpgraded = true;
    return bucket;
  }

  /**
   * Takes over the frontiers of earlier versions, once: the time up to which each symbol was thought to be complete.
   */
  async function upgrade(bucket: KV): Promise<void> {
    const manager = await manageStreams(nats);
    if (await findStream(manager, `KV_${bucketOf("frontiers")}`) === undefined) return;
    const old = await new Kvm(jetstream(await connectNow(nats), { timeout })).open(bucketOf("frontiers"));
    for await (const entry of await old.history({ key: ">" })) {
      if (entry.operation !== "PUT") continue;
      // The source in the key: the members of a failover group, and their timeframe.
      const source = entry.key.split(".")[0].replace(/=([0-9A-F]{2})/g, "%$1");
      const [, providers, timeframe = ""] = /^(\S+) (\S+)$/.exec(decodeURIComponent(source)) ?? [];
      if (!TIMEFRAMES.has(timeframe)) continue;
      const frontiers = Object.entries(entry.json<Record<string, number>>());
      const ends = new Map(frontiers.map(([symbol, to]): [string, Interval[]] => [symbol, [[-Infinity, to]]]));
      for (const provider of providers.split(",")) {
        const owner = { provider, timeframe };
        await saveIn(bucket, owner, doubtEnds(owner, ends, await loadFrom(bucket, owner)));
      }
    }
    await old.destroy();
  }

  async function read(bucket: KV, key: string): Promise<Held> {
    const entry = await bucket.get(key);
    if (entry === null) return { coverage: UNKNOWN, revision: 0 };
    const coverage = entry.operation === "PUT" ? fromJson(entry.json<CoverageJson>()) : UNKNOWN;
    return { coverage, revision: entry.revision };
  }

  async function write(bucket: KV, key: string, change: CoverageChange): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const { coverage: before, revision } = held.get(key) ?? await read(bucket, key);
      const coverage = applyChange(before, change);
      try {
        const data = JSON.stringify({ symbol: change.symbol, ...toJson(coverage), by: writer });
        held.set(key, { coverage, revision: await bucket.put(key, data, { previousSeq: revision, timeout }) });
        return;
      } catch (error) {
        // Also after a time-out, since it may have been written.
        held.delete(key);
        const isOvertaken = error instanceof JetStreamApiError && WRONG_REVISION.includes(error.code);
        if (!isOvertaken || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async function loadFrom(bucket: KV, owner: SeriesOwner): Promise<ReadonlyMap<string, SeriesCoverage>> {
    const known = new Map<string, SeriesCoverage>();
    for await (const entry of await bucket.history({ key: `${prefixOf(owner)}.>` })) {
      if (entry.operation !== "PUT") continue;
      const { symbol, ...json } = entry.json<CoverageJson & { symbol: string }>();
      const coverage = fromJson(json);
      held.set(entry.key, { coverage, revision: entry.revision });
      if (coverage.confirmed.length + coverage.doubts.length > 0) known.set(symbol, coverage);
    }
    return known;
  }

  async function saveIn(bucket: KV, owner: SeriesOwner, changes: readonly CoverageChange[]): Promise<void> {
    const queue = changes.values();
    await Promise.all(Array.from({ length: Math.min(PARALLEL, changes.length) }, async () => {
      for (const change of queue) await write(bucket, `${prefixOf(owner)}.${token(change.symbol)}`, change);
    }));
  }

  const within = <T>(work: Promise<T>, signal?: AbortSignal) => signal ? unlessAborted(work, signal) : work;
  return {
    load: (owner, signal) => within(open().then((bucket) => loadFrom(bucket, owner)), signal),
    async save(owner, changes, signal) {
      if (changes.length > 0) await within(open().then((bucket) => saveIn(bucket, owner, changes)), signal);
    },
  };
}

const prefixOf = ({ provider, timeframe }: SeriesOwner) => `${token(provider)}.${token(timeframe)}`;

/** The text as a part of a key, which may have letters, digits, - and _; different texts stay different. */
function token(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(letter) ? letter : `=${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}

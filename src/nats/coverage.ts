/**
 * Coverage in a NATS key-value bucket, for instances of a cluster whose records go to NATS: a key for each series.
 *
 * A change is merged into what the key holds, and written only where nobody has written it meanwhile; else it is merged anew.
 *
 * @module
 */
import { jetstream, JetStreamApiError, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type SeriesCoverage, UNKNOWN } from "../coverage/coverage.ts";
import { type CoverageJson, fromJson, toJson } from "../coverage/json.ts";
import { applyChange, type CoverageChange, type CoverageStore, type SeriesOwner } from "../coverage/store.ts";
import { connectNow, type Nats, unlessAborted } from "./connection.ts";

/** Where {@linkcode keepCoverageInNats} keeps it. */
export interface NatsCoverageOptions {
  /** Stays the caller's to dispose. */
  readonly nats: Nats;
  /** Name of the instances that share the series; tenants have one each. */
  readonly cluster: string;
  /** Servers that keep a copy of the bucket. */
  readonly replicas: number;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Written beside each change, for people. */
  readonly writer: string;
}

/** What a key held last, as far as this process knows. */
interface Held {
  readonly coverage: SeriesCoverage;
  readonly revision: number;
}

/** Keys that are written at once. */
const PARALLEL = 64;
/** Attempts to write a key that others write too. */
const ATTEMPTS = 20;
/** The server's codes for a revision that is not the last one. */
const WRONG_REVISION = [10071, 10164];

/** Keeps the coverage of a cluster's series. */
export function keepCoverageInNats(options: NatsCoverageOptions): CoverageStore {
  const { nats, cluster, replicas, timeoutMs: timeout, writer } = options;
  const held = new Map<string, Held>();

  async function open(): Promise<KV> {
    const manager = new Kvm(jetstream(await connectNow(nats), { timeout }));
    // A bucket's name takes no dots.
    const name = `barline_${cluster.replaceAll(".", "--")}_coverage`;
    return await manager.create(name, { history: 1, storage: StorageType.File, replicas });
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
        // Also after a time-out: nobody knows whether it was written.
        held.delete(key);
        const isOvertaken = error instanceof JetStreamApiError && WRONG_REVISION.includes(error.code);
        if (!isOvertaken || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async function load(owner: SeriesOwner): Promise<ReadonlyMap<string, SeriesCoverage>> {
    const bucket = await open();
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

  async function save(owner: SeriesOwner, changes: readonly CoverageChange[]): Promise<void> {
    const bucket = await open();
    const queue = changes.values();
    await Promise.all(Array.from({ length: Math.min(PARALLEL, changes.length) }, async () => {
      for (const change of queue) await write(bucket, `${prefixOf(owner)}.${token(change.symbol)}`, change);
    }));
  }

  const within = <T>(work: Promise<T>, signal?: AbortSignal) => signal ? unlessAborted(work, signal) : work;
  return {
    load: (owner, signal) => within(load(owner), signal),
    save: (owner, changes, signal) => within(changes.length > 0 ? save(owner, changes) : Promise.resolve(), signal),
  };
}

const prefixOf = ({ provider, timeframe }: SeriesOwner) => `${token(provider)}.${token(timeframe)}`;

/** The text as a part of a key, which takes letters, digits, - and _; each text as another. */
function token(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(letter) ? letter : `=${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}

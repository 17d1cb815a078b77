/**
 * Records the load of files by a tenant's run before the first record is read, with its own times of receipt.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { delay } from "@std/async/delay";
import { abortable } from "@std/async/abortable";
import { classifyDatabaseError } from "../database/faults.ts";
import type { Times } from "../database/load_book.ts";
import { type LoadedFile, type LoadStore, RESERVED_US } from "../database/loads.ts";
import type { Ledger } from "../pipeline/ledger.ts";
import type { ProviderContext } from "../providers/provider.ts";
import { LOADED, type ReceiveClock } from "../records/record.ts";

/** Options of {@linkcode createLoading}. */
export interface LoadingOptions {
  readonly loads: LoadStore;
  /** The command line, without secrets. */
  readonly command: string;
  /** The clock of all other records; continues after the times of the load. */
  readonly clock: ReceiveClock;
  readonly after: (receivedAt: number) => void;
  /** Ends every wait for the database. */
  readonly abort: AbortSignal;
  /** Whether files read before are read again, as by `--resume`. */
  readonly isResumed: boolean;
  readonly warn: (message: string) => void;
}

/** A tenant's load, which begins when the first file is to be read. */
export interface Loading {
  /** Begins the load, or adds files to it. */
  begin(paths: readonly string[]): Promise<void>;
  /** Gives times of receipt that no other writer uses. */
  readonly clock: ReceiveClock;
  /** Ensures that the clock can continue; call after each frame. */
  renew(): Promise<void>;
  /** Records the end of the load, if one has begun. */
  finish(ledger: Ledger): Promise<void>;
}

/** Longest use of reserved times, in milliseconds: those of a growing file stay near the present. */
const RENEW_AFTER_MS = 60_000;
/** Time between two attempts to reach the database, in milliseconds. */
const RETRY_MS = 1000;

/** Bytes of a file read at once for its digest. */
const DIGEST_BYTES = 256 * 1024;

/** Prepares the load of a tenant. */
export function createLoading({ loads, command, clock, after, abort, isResumed, warn }: LoadingOptions): Loading {
  let load: number | undefined;
  let next = 0;
  let end = 0;
  let reservedAt = -Infinity;
  let renewing: Promise<void> | undefined;

  /** Runs work in the database; waits while it is unreachable. */
  async function whenThere<T>(work: () => Promise<T>): Promise<T> {
    while (true) {
      try {
        return await abortable(work(), abort);
      } catch (error) {
        abort.throwIfAborted();
        if (classifyDatabaseError(error) !== "transient") throw error;
      }
      await delay(RETRY_MS, { signal: abort });
    }
  }

  async function reserve(id: number): Promise<void> {
    const [from, to]: Times = await whenThere(() => loads.reserve(id, clock(0), abort));
    // The former times may not be used up; they still belong to the load.
    next = from;
    end = to;
    reservedAt = performance.now();
  }

  return {
    async begin(paths) {
      const files: LoadedFile[] = [];
      for (const path of paths) files.push(await describeFile(path, abort));
      if (!isResumed) await tellEarlier(files);
      const known = load;
      if (known !== undefined) return await whenThere(() => loads.add(known, files, abort));
      // Repeated after an error, it may leave an empty load behind.
      const id = await whenThere(() => loads.begin(command, files, abort));
      await reserve(id);
      load = id;
    },
    clock(count) {
      if (next + count > end) throw new RangeError("Cannot give times of receipt: none are reserved for the load");
      const first = next;
      next += count;
      return first;
    },
    async renew() {
      if (load === undefined) return;
      const isFresh = end - next > RESERVED_US / 2 && performance.now() - reservedAt < RENEW_AFTER_MS;
      if (isFresh && renewing === undefined) return;
      await (renewing ??= reserve(load).finally(() => renewing = undefined));
    },
    async finish(ledger) {
      if (load === undefined) return;
      const id = load;
      after(next);
      await loads.finish(id, { ledger, used: next + 1 }, abort).catch((error) => {
        warn(`Cannot note the end of load ${id}: ${(error as Error).message}`);
      });
    },
  };

  /** Warns of files whose bytes were loaded before. */
  async function tellEarlier(files: readonly LoadedFile[]): Promise<void> {
    const digests = files.flatMap(({ sha256 }) => sha256 ?? []);
    if (digests.length === 0) return;
    const earlier = new Map(
      (await whenThere(() => loads.findEarlier(digests, abort))).map((each) => [each.sha256, each]),
    );
    for (const { path, sha256 } of files) {
      const found = earlier.get(sha256 ?? "");
      if (found === undefined) continue;
      const { id, beganAt, isEnded } = found;
      const as = found.path === path ? "" : ` as "${found.path}"`;
      warn(
        `"${path}" was loaded before${as}, by load ${id} of ${new Date(beganAt).toISOString()}` +
          `${isEnded ? "" : ", which has not come to its end"}: barline loads show ${id}`,
      );
    }
  }
}

/**
 * Size and digest of a file. Standard input, pipes and unreadable files have neither; the latter are reported when
 * their turn comes.
 */
async function describeFile(path: string, abort: AbortSignal): Promise<LoadedFile> {
  if (path === "-") return { path };
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) return { path: await Deno.realPath(path).catch(() => path) };
    const hash = createHash("sha256");
    using file = await Deno.open(path);
    const buffer = new Uint8Array(DIGEST_BYTES);
    for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
      abort.throwIfAborted();
      hash.update(buffer.subarray(0, count));
    }
    return { path, size, sha256: hash.digest("hex") };
  } catch {
    abort.throwIfAborted();
    return { path };
  }
}

/** The clock of a provider: that of the load for one that reads files. */
export function timesOf(
  provider: string,
  loading: Loading | undefined,
  clock: ReceiveClock,
): Pick<ProviderContext, "clock" | "beginLoad"> {
  return provider === LOADED && loading !== undefined ? { clock: loading.clock, beginLoad: loading.begin } : { clock };
}

/**
 * Writes answers to files first, if their length and their end must be known at their beginning. A file is kept for a
 * while, so that a client may read it in parts.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { join } from "@std/path";
import { abortable } from "@std/async/abortable";
import { makeDirectory, writeAll } from "../storage/durable_files.ts";
import { RequestError } from "./body.ts";
import type { ServedFile } from "./file_response.ts";

/** Age up to which a file answers requests for the whole, in milliseconds. */
const FRESH_MS = 5000;
/** How long a file outlives its last use, in milliseconds. */
const KEPT_MS = 60_000;
/** Files written at once: each takes a connection and memory. */
const MOST_MAKING = 2;
/** Total bytes of files from which on the longest unused one is removed. */
const MOST_BYTES = 4 * 1024 ** 3;
/** Space left on the disk, in bytes, which a run beside it needs. */
const LEFT = 256 * 1024 ** 2;

/** Writes a file, piece by piece, and returns its headers. */
export type MakeFile = (
  write: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal,
) => Promise<ServedFile["headers"]>;

/** See the module's description; disposing of it removes all files. */
export interface Spool extends AsyncDisposable {
  /**
   * Returns the file of a key, which `make` writes if the spool has no file or an old one. All parts belong to the same
   * file.
   *
   * @throws {RequestError} If the disk has too little space, or too many files are being written.
   */
  get(key: string, make: MakeFile, options: { isPart: boolean; signal: AbortSignal }): Promise<ServedFile>;
}

interface Entry {
  readonly made: Promise<ServedFile>;
  readonly making: AbortController;
  readonly path: string;
  /** Number of requests that wait for it. */
  waiting: number;
  /** Its size in bytes, once it is written. */
  size?: number;
  madeAt?: number;
  usedAt: number;
  /** When a part of it was last requested. */
  partAt: number;
}

/** Creates a spool in its own directory, which is emptied. */
export function createSpool(directory: string): Spool {
  const entries = new Map<string, Entry>();
  const closing = new AbortController();
  let count = 0;
  let isReady: Promise<void> | undefined;
  const timer = setInterval(sweep, KEPT_MS / 4);
  Deno.unrefTimer(timer);

  const remove = (path: string) => Deno.remove(path, { recursive: true }).catch(() => {});

  function drop(key: string, entry: Entry): void {
    if (entries.get(key) === entry) entries.delete(key);
    entry.making.abort(new Error("The file is not needed any more"));
    // Readers have it open, and continue.
    remove(entry.path);
  }

  function sweep(): void {
    const made = [...entries].filter(([, { size, waiting }]) => size !== undefined && waiting === 0);
    let bytes = made.reduce((sum, [, { size }]) => sum + size!, 0);
    for (const [key, entry] of made.sort(([, one], [, other]) => one.usedAt - other.usedAt)) {
      if (performance.now() - entry.usedAt < KEPT_MS && bytes <= MOST_BYTES) continue;
      bytes -= entry.size!;
      drop(key, entry);
    }
  }

  function find(key: string, isPart: boolean): Entry | undefined {
    const entry = entries.get(key);
    if (entry?.madeAt === undefined) return entry;
    const now = performance.now();
    // A client that reads in parts requests the length again now and then, and must not get another file in between.
    const isKept = isPart || now - entry.madeAt < FRESH_MS || now - entry.partAt < KEPT_MS;
    return isKept ? entry : undefined;
  }

  async function write(path: string, make: MakeFile, signal: AbortSignal): Promise<ServedFile> {
    isReady ??= remove(directory).then(() => makeDirectory(directory));
    await isReady;
    const hash = createHash("sha256");
    let size = 0;
    using file = await Deno.open(path, { create: true, write: true, truncate: true, mode: 0o600 });
    signal.throwIfAborted();
    const headers = await make(async (bytes) => {
      signal.throwIfAborted();
      const { bavail, bsize } = statfsSync(directory);
      if (bavail * bsize < bytes.length + LEFT) {
        throw new RequestError("Cannot make the file: the disk has too little room. Ask for less, or as CSV", 507);
      }
      hash.update(bytes);
      size += bytes.length;
      await writeAll(file, bytes);
    }, signal);
    return { path, size, headers, etag: `"${hash.digest("hex").slice(0, 32)}"` };
  }

  function begin(key: string, make: MakeFile): Entry {
    const making = [...entries.values()].filter(({ size }) => size === undefined).length;
    if (making >= MOST_MAKING) throw new RequestError("Cannot make the file: too many are made, try again", 503);
    const controller = new AbortController();
    const path = join(directory, String(++count));
    const made = write(path, make, AbortSignal.any([controller.signal, closing.signal]));
    const now = performance.now();
    const entry: Entry = { made, making: controller, path, waiting: 0, usedAt: now, partAt: -Infinity };
    const before = entries.get(key);
    entries.set(key, entry);
    if (before !== undefined) drop(key, before);
    made.then(({ size }) => {
      Object.assign(entry, { size, madeAt: performance.now() });
      sweep();
    }, () => drop(key, entry));
    return entry;
  }

  return {
    async get(key, make, { isPart, signal }) {
      const entry = find(key, isPart) ?? begin(key, make);
      entry.waiting++;
      try {
        return await abortable(entry.made, signal);
      } finally {
        entry.waiting--;
        entry.usedAt = performance.now();
        if (isPart) entry.partAt = entry.usedAt;
        if (entry.waiting === 0 && entry.size === undefined) drop(key, entry);
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      closing.abort(new Error("The program ends"));
      await Promise.allSettled(Array.from(entries.values(), ({ made }) => made));
      if (isReady !== undefined) await remove(directory);
    },
  };
}

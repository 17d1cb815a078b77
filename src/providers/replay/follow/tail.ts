/**
 * Reads a file that grows, until another takes its place.
 *
 * @module
 */
import type { Changes } from "./changes.ts";

const CHUNK_BYTES = 256 * 1024;
/** Bytes before the place that must be unchanged. */
const BEFORE_BYTES = 80;

/**
 * How a tail ended:
 *
 * - `replaced`: another file has its name, and the old one was read to its end;
 * - `truncated`: it was cut or rewritten;
 * - `stopped`: the run ends.
 */
export type TailEnd = "replaced" | "truncated" | "stopped";

/** A file that is read while it grows. */
export interface Tail {
  /** Its bytes from the place on, up to the end. */
  readonly bytes: AsyncGenerator<Uint8Array>;
  /** How it ended; absent before. */
  readonly end: TailEnd | undefined;
}

/** Reads an open file from the place on, while its path may come to mean another file. */
export function createTail(
  path: string,
  file: Deno.FsFile,
  from: number,
  changes: Changes,
  signal: AbortSignal,
): Tail {
  const tail: { bytes: AsyncGenerator<Uint8Array>; end: TailEnd | undefined } = { bytes: read(), end: undefined };

  async function* read(): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(CHUNK_BYTES);
    let before = await readAt(file, Math.max(0, from - BEFORE_BYTES), Math.min(from, BEFORE_BYTES));
    let at = from;
    let isReplaced = false;
    while (!signal.aborted) {
      const change = changes.next();
      await file.seek(at, Deno.SeekMode.Start);
      const count = await file.read(buffer) ?? 0;
      if (!await isStillThere(file, at, before)) return void (tail.end = "truncated");
      if (count > 0) {
        at += count;
        before = lastBytes(before, buffer.subarray(0, count));
        yield buffer.subarray(0, count);
        continue;
      }
      if (isReplaced) return void (tail.end = "replaced");
      isReplaced = await hasOther(path, file);
      // Lines written between the last read and the rename are read first.
      if (!isReplaced) await change;
    }
    tail.end = "stopped";
  }

  return tail;
}

/** Whether the file is not shorter than the place, and has the same bytes before it. */
async function isStillThere(file: Deno.FsFile, at: number, before: Uint8Array): Promise<boolean> {
  if ((await file.stat()).size < at) return false;
  const now = await readAt(file, at - before.length, before.length);
  return now.length === before.length && now.every((byte, place) => byte === before[place]);
}

async function readAt(file: Deno.FsFile, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  await file.seek(from, Deno.SeekMode.Start);
  const count = await file.read(bytes) ?? 0;
  return bytes.subarray(0, count);
}

function lastBytes(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (chunk.length >= BEFORE_BYTES) return chunk.slice(-BEFORE_BYTES);
  return Uint8Array.from([...before, ...chunk]).slice(-BEFORE_BYTES);
}

/** Whether the path means another file; without any file there, the old one may still be written. */
export async function hasOther(path: string, file: Deno.FsFile): Promise<boolean> {
  const [own, there] = [await file.stat(), await Deno.stat(path).catch(() => undefined)];
  return there !== undefined && (there.ino !== own.ino || there.dev !== own.dev);
}

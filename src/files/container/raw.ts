/**
 * Reads the packed bytes of a file, of a member of an archive, or of standard input.
 *
 * @module
 */

/** The path that stands for standard input. */
export const STDIN = "-";

/** How many bytes a read asks for. */
const CHUNK_BYTES = 256 * 1024;
const LEAST_BYTES = 16 * 1024;

/** Something to read. */
export interface FileItem {
  /** Path on disk, or {@linkcode STDIN}. */
  readonly path: string;
  /** Part of the file to read, with its name in the archive. @default {all of it} */
  readonly member?: {
    readonly name: string;
    /** Place of its bytes in the archive. */
    readonly from: number;
    readonly length: number;
    readonly size: number;
    readonly method: number;
  };
}

/** The name of the item in messages and dead letters. */
export const nameOf = ({ path, member }: FileItem): string => member === undefined ? path : `${path}/${member.name}`;

/** Options of reading. */
export interface ReadOptions {
  /** Called with the number of bytes of each read. */
  onRead?: (bytes: number) => void;
  /** Aborts a wait for standard input. */
  stop?: AbortSignal;
  /** Bytes to read instead of the item's own. */
  bytes?: AsyncGenerator<Uint8Array>;
  /** Whether a beginning is long enough for a look. */
  isEnough?: (head: Uint8Array) => boolean;
}

/** Reads an item's packed bytes from the byte `from` on. A chunk is valid until the next is read. */
export function readRaw(item: FileItem, from: number, options: ReadOptions): AsyncGenerator<Uint8Array> {
  if (item.path === STDIN) return readStdin(options.stop);
  const { from: start = 0, length = Infinity } = item.member ?? {};
  return readChunks(item.path, start + from, length - from, options.onRead ?? (() => {}));
}

async function* readStdin(stop?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = Deno.stdin.readable.getReader();
  stop?.addEventListener("abort", () => reader.cancel(), { once: true });
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

async function* readChunks(
  path: string,
  from: number,
  length: number,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  if (from > 0) onRead(await file.seek(from, Deno.SeekMode.Start));
  const { isFile, size } = file.statSync();
  // For many small files, whole chunks would cost more than the reading.
  const buffer = new Uint8Array(isFile ? Math.max(LEAST_BYTES, Math.min(CHUNK_BYTES, size - from + 1)) : CHUNK_BYTES);
  let left = length;
  while (left > 0) {
    const count = await file.read(left < buffer.length ? buffer.subarray(0, left) : buffer);
    if (count === null) return;
    left -= count;
    onRead(count);
    yield buffer.subarray(0, count);
  }
}

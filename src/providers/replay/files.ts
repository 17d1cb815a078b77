/**
 * Files to replay: finding them, and reading them as bytes.
 *
 * @module
 */
import { createGunzip } from "node:zlib";
import { Readable } from "node:stream";
import { basename, dirname, globToRegExp, isGlob, join, resolve } from "@std/path";

/** Stands for standard input. */
export const STDIN = "-";

/**
 * The files that paths and globs name, each once; those of a glob in the order of their names.
 *
 * @throws {RangeError} If one is missing, no file, or not to be read, or a glob matches nothing.
 */
export function findFiles(patterns: readonly string[]): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    if (pattern === STDIN) found.add(STDIN);
    // A file whose name happens to look like a glob is meant as it is.
    else if (isGlob(pattern) && !exists(pattern)) { for (const path of expandGlob(pattern)) found.add(path); }
    else found.add(checkFile(pattern));
  }
  return [...found];
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function checkFile(path: string): string {
  try {
    using file = Deno.openSync(path);
    if (file.statSync().isDirectory) {
      throw new RangeError(`Cannot read "${path}": it is a directory, try "${path}/*.csv"`);
    }
    return path;
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.IsADirectory
      ? `it is a directory, try "${path}/*.csv"`
      : (error as Error).message;
    throw new RangeError(`Cannot read "${path}": ${why}`, { cause: error });
  }
}

/** Expands a pattern segment by segment; `**` stands for any depth. */
function expandGlob(pattern: string): string[] {
  const segments = pattern.split("/");
  const firstGlob = segments.findIndex((segment) => isGlob(segment));
  const root = segments.slice(0, firstGlob).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const match = globToRegExp(resolve(pattern));
  const deep = segments.some((segment) => segment === "**");
  const paths = [...walk(root, deep ? Infinity : segments.length - firstGlob)].filter((path) =>
    match.test(resolve(path))
  );
  if (paths.length === 0) throw new RangeError(`Cannot find files for "${pattern}": nothing matches`);
  return paths.sort().map(checkFile);
}

function* walk(directory: string, depth: number): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = directory === "." ? entry.name : join(directory, entry.name);
    if (entry.isDirectory && depth > 1) yield* walk(path, depth - 1);
    else if (entry.isFile || entry.isSymlink) yield path;
  }
}

/** A name that stays the same wherever the program is started. */
export function absolute(path: string): string {
  return path === STDIN ? path : join(resolve(dirname(path)), basename(path));
}

/** Size in bytes of what is read from disk; 0 for standard input. */
export function sizeOf(path: string): number {
  return path === STDIN ? 0 : Deno.statSync(path).size;
}

/** How many bytes a read asks for. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a file's bytes, unpacked where its name ends in `.gz`. `from` bytes are left out; `onRead` hears how many were
 * read from disk. A wait for standard input ends when `stop` aborts.
 */
export async function* readBytes(
  path: string,
  from: number,
  onRead: (bytes: number) => void,
  stop?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (path === STDIN) return yield* readStdin(stop);
  const packed = path.endsWith(".gz");
  const raw = readChunks(path, packed ? 0 : from, onRead);
  yield* packed ? skip(gunzip(raw), from) : raw;
}

async function* readStdin(stop?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = Deno.stdin.readable.getReader();
  stop?.addEventListener("abort", () => reader.cancel(), { once: true });
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

async function* readChunks(path: string, from: number, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  if (from > 0) onRead(await file.seek(from, Deno.SeekMode.Start));
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    onRead(count);
    yield buffer.slice(0, count);
  }
}

/** Unpacks gzip, also of several members, as `cat a.gz b.gz` makes it. */
async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed);
  const unpacked = source.pipe(createGunzip());
  source.on("error", (error) => unpacked.destroy(error));
  try {
    yield* unpacked;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith("Z_")) throw error;
    throw new RangeError(`it ends in .gz and is no sound gzip: ${message}`, { cause: error });
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

async function* skip(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

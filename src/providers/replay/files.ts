/**
 * Files to replay: finding them, and reading them as bytes.
 *
 * @module
 */
import { createGunzip } from "node:zlib";
import { Readable } from "node:stream";
import { SettingError } from "../provider.ts";
import { basename, dirname, globToRegExp, isGlob, join, resolve } from "@std/path";

/** Stands for standard input. */
export const STDIN = "-";

/**
 * The files that paths and globs name, each once; those of a glob in the order of their names.
 *
 * @throws {SettingError} If any is missing, no file, or not to be read, or a glob matches nothing; with all that are.
 */
export function findFiles(patterns: readonly string[]): string[] {
  const found = new Set<string>();
  const problems: string[] = [];
  for (const pattern of patterns) {
    // A file whose name happens to look like a glob is meant as it is.
    const before = problems.length;
    const isPattern = pattern !== STDIN && isGlob(pattern) && !exists(pattern);
    const paths = isPattern ? expandGlob(pattern, problems) : [pattern];
    if (paths.length === 0 && problems.length === before) problems.push(`nothing matches ${JSON.stringify(pattern)}`);
    for (const path of paths) {
      const problem = path === STDIN ? undefined : checkFile(path);
      if (problem === undefined) found.add(path);
      else problems.push(`${JSON.stringify(path)} cannot be read: ${problem}`);
    }
  }
  if (problems.length > 0) throw new SettingError("file", problems.join("; "));
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

/** Why a file cannot be read; `undefined` when it can. */
function checkFile(path: string): string | undefined {
  const isDirectory = `it is a directory, try "${path}/*.csv"`;
  try {
    using file = Deno.openSync(path);
    return file.statSync().isDirectory ? isDirectory : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no such file";
    if (error instanceof Deno.errors.IsADirectory) return isDirectory;
    if (error instanceof Deno.errors.PermissionDenied) return "permission is denied, give the right to read it";
    return (error as Error).message;
  }
}

/** Expands a pattern segment by segment; `**` stands for any depth. */
function expandGlob(pattern: string, problems: string[]): string[] {
  const segments = pattern.split("/");
  const firstGlob = segments.findIndex((segment) => isGlob(segment));
  const root = segments.slice(0, firstGlob).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const match = globToRegExp(resolve(pattern));
  const deep = segments.some((segment) => segment === "**");
  const paths = [...walk(root, deep ? Infinity : segments.length - firstGlob, problems)];
  return paths.filter((path) => match.test(resolve(path))).sort();
}

function* walk(directory: string, depth: number, problems: string[]): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      problems.push(`the directory ${JSON.stringify(directory)} cannot be listed, give the right to read it`);
    }
    return;
  }
  for (const entry of entries) {
    const path = directory === "." ? entry.name : join(directory, entry.name);
    if (entry.isDirectory && depth > 1) yield* walk(path, depth - 1, problems);
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
const CHUNK_BYTES = 256 * 1024;

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
    // Whoever reads is done with the bytes before asking for more.
    yield buffer.subarray(0, count);
  }
}

/** Unpacks gzip, also of several members, as `cat a.gz b.gz` makes it. */
async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Its reader runs ahead, so the bytes must be its own.
  const source = Readable.from(copyEach(packed));
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

async function* copyEach(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.slice();
}

async function* skip(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/**
 * Finds files to replay, and the members of archives.
 *
 * @module
 */
import { SettingError } from "../provider.ts";
import { type FileItem, nameOf, STDIN } from "../../files/container/raw.ts";
import { isZip, listMembers } from "../../files/container/zip.ts";
import { basename, dirname, globToRegExp, isGlob, join, relative, resolve } from "@std/path";

export { STDIN };

/** Endings of files that a search in a directory finds. */
const ENDINGS = /\.(csv|txt|tsv|json|jsonl|ndjson|parquet|feather|arrow|dbn)(\.(gz|zst))?$|\.zip$/i;

/** An existing file that cannot be read. */
export interface UnreadableFile {
  readonly path: string;
  /** An error whose message names the file and the reason. */
  readonly error: Error;
}

/** Files that patterns name. */
export interface FoundFiles {
  /** Each path once; those of a directory or glob in the order of their names. */
  readonly paths: readonly string[];
  readonly unreadable: readonly UnreadableFile[];
}

/**
 * The files that paths, directories and globs name.
 *
 * @throws {SettingError} If any is missing, a glob matches nothing, or none can be read; the message lists all
 * problems.
 */
export function findFiles(patterns: readonly string[]): FoundFiles {
  const { problems, ...found } = searchFiles(patterns);
  const unread = found.paths.length === 0 ? found.unreadable.map(({ error }) => error.message) : [];
  if (problems.length + unread.length > 0) throw new SettingError("file", [...problems, ...unread].join("; "));
  return found;
}

/** The files that exist now, and the problems of the patterns. */
export function searchFiles(patterns: readonly string[]): FoundFiles & { readonly problems: readonly string[] } {
  const found = new Set<string>();
  const unreadable = new Map<string, Error>();
  const problems: string[] = [];
  for (const pattern of patterns) {
    const before = unreadable.size;
    const isFolder = isDirectory(pattern);
    // A file whose name looks like a glob is read by its name.
    const isMany = isFolder || pattern !== STDIN && isGlob(pattern) && !exists(pattern);
    const paths = !isMany
      ? [pattern]
      : isFolder
      ? [...walk(pattern, Infinity, unreadable)].filter((path) => ENDINGS.test(path) && !isBeside(path, pattern)).sort()
      : expandGlob(pattern, unreadable);
    if (paths.length === 0 && unreadable.size === before) {
      problems.push(isFolder ? `nothing to read is in "${pattern}"` : `nothing matches "${pattern}"`);
    }
    for (const path of paths) {
      const problem = path === STDIN ? undefined : checkFile(path);
      if (problem === undefined) {
        found.add(path);
        continue;
      }
      const message = `${JSON.stringify(path)} cannot be read: ${problem.reason}`;
      // A mistyped name is reported before anything is read.
      if (!isMany && problem.isUsage) problems.push(message);
      else unreadable.set(path, new Error(message, { cause: problem.cause }));
    }
  }
  return { paths: [...found], unreadable: [...unreadable].map(([path, error]) => ({ path, error })), problems };
}

/** Whether a file of a directory is not data: its name, or that of a directory, begins with `_` or `.`. */
const isBeside = (path: string, directory: string) =>
  relative(directory, path).split("/").some((name: string) => /^[_.]/.test(name));

/** Whether a path is a directory now. */
export function isDirectory(path: string): boolean {
  try {
    return path !== STDIN && Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether a path is a link to nothing: with limited permissions, Deno says of its opening that it has too many links. */
function leadsNowhere(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

interface Unreadable {
  readonly reason: string;
  /** Whether the name itself is wrong: no such file exists, or it is a directory. */
  readonly isUsage: boolean;
  readonly cause?: unknown;
}

/** Why a file cannot be read; `undefined` when it can. */
function checkFile(path: string): Unreadable | undefined {
  const directory = { reason: `it is a directory, try "${path}/*.csv"`, isUsage: true };
  try {
    using file = Deno.openSync(path);
    return file.statSync().isDirectory ? directory : undefined;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || leadsNowhere(path)) {
      return { reason: "there is no such file", isUsage: true, cause };
    }
    if (cause instanceof Deno.errors.IsADirectory) return directory;
    if (cause instanceof Deno.errors.PermissionDenied) {
      return { reason: "permission is denied, give the right to read it", isUsage: false, cause };
    }
    return { reason: (cause as Error).message, isUsage: false, cause };
  }
}

/** Expands a pattern segment by segment; `**` stands for any depth. */
function expandGlob(pattern: string, unreadable: Map<string, Error>): string[] {
  const segments = pattern.split("/");
  const firstGlob = segments.findIndex((segment) => isGlob(segment));
  const root = segments.slice(0, firstGlob).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const match = globToRegExp(resolve(pattern));
  const deep = segments.some((segment) => segment === "**");
  const paths = [...walk(root, deep ? Infinity : segments.length - firstGlob, unreadable)];
  return paths.filter((path) => match.test(resolve(path))).sort();
}

function* walk(directory: string, depth: number, unreadable: Map<string, Error>): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch (cause) {
    if (cause instanceof Deno.errors.PermissionDenied) {
      const message = `the directory ${JSON.stringify(directory)} cannot be listed, give the right to read it`;
      unreadable.set(directory, new Error(message, { cause }));
    }
    return;
  }
  for (const entry of entries) {
    const path = directory === "." ? entry.name : join(directory, entry.name);
    if (entry.isDirectory && depth > 1) yield* walk(path, depth - 1, unreadable);
    else if (entry.isFile || entry.isSymlink && !isDirectory(path)) yield path;
  }
}

/** The absolute path, which does not depend on the working directory. */
export function absolute(path: string): string {
  return path === STDIN ? path : join(resolve(dirname(path)), basename(path));
}

/**
 * The parts of a file to read: its members if it is an archive, else the file itself.
 *
 * @throws {RangeError} If it is an archive that is not valid, or has no member.
 */
export function itemsOf(path: string): FileItem[] {
  if (path === STDIN || !Deno.statSync(path).isFile || !isZip(path)) return [{ path }];
  const items = listMembers(path);
  // HistData's archives contain a report beside the file, Binance's have checksums beside them.
  const bars = items.filter(({ member }) => ENDINGS.test(member!.name));
  const best = bars.length > 1 ? bars.filter((item) => !isReport(item, bars)) : bars;
  const found = best.length > 0 ? best : items;
  if (found.length === 0) throw new RangeError("it is an archive without any file");
  return found;
}

/** Whether a member is a text beside a file of the same name. */
const isReport = (item: FileItem, all: readonly FileItem[]) =>
  /\.txt$/i.test(nameOf(item)) &&
  all.some((other) => nameOf(other).replace(/\.csv$/i, "") === nameOf(item).replace(/\.txt$/i, "") && other !== item);

/** Size in bytes of the data read from disk; 0 for standard input. */
export function sizeOf(path: string): number {
  return path === STDIN ? 0 : Deno.statSync(path).size;
}

/** Bytes of an item on disk; 0 if unknown. */
export function sizeOfItem({ path, member }: FileItem): number {
  try {
    return member?.length ?? sizeOf(path);
  } catch {
    return 0;
  }
}

/**
 * Files to replay: finding them, and what is in archives.
 *
 * @module
 */
import { SettingError } from "../provider.ts";
import { type FileItem, nameOf, STDIN } from "../../files/container/raw.ts";
import { isZip, listMembers } from "../../files/container/zip.ts";
import { basename, dirname, globToRegExp, isGlob, join, resolve } from "@std/path";

export { STDIN };

/** Endings of files that a directory is searched for. */
const ENDINGS = /\.(csv|txt|tsv|json|jsonl|ndjson|parquet|feather|arrow|dbn)(\.(gz|zst))?$|\.zip$/i;

/**
 * The files that paths, directories and globs name, each once; those of a directory or glob in the order of their names.
 *
 * @throws {SettingError} If any is missing, no file, or not to be read, or a glob matches nothing; with all that are.
 */
export function findFiles(patterns: readonly string[]): string[] {
  const found = new Set<string>();
  const problems: string[] = [];
  for (const pattern of patterns) {
    // A file whose name happens to look like a glob is read by its name.
    const before = problems.length;
    const isPattern = pattern !== STDIN && isGlob(pattern) && !exists(pattern);
    const paths = isPattern
      ? expandGlob(pattern, problems)
      : isDirectory(pattern)
      ? [...walk(pattern, Infinity, problems)].filter((path) => ENDINGS.test(path)).sort()
      : [pattern];
    if (paths.length === 0 && problems.length === before) {
      problems.push(isPattern ? `nothing matches "${pattern}"` : `nothing to read is in "${pattern}"`);
    }
    for (const path of paths) {
      const problem = path === STDIN ? undefined : checkFile(path);
      if (problem === undefined) found.add(path);
      else problems.push(`${JSON.stringify(path)} cannot be read: ${problem}`);
    }
  }
  if (problems.length > 0) throw new SettingError("file", problems.join("; "));
  return [...found];
}

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

/**
 * The parts of a file to read: its members where it is an archive, else the file itself.
 *
 * @throws {RangeError} If it is an archive that is not sound, or has no member.
 */
export function itemsOf(path: string): FileItem[] {
  if (path === STDIN || !Deno.statSync(path).isFile || !isZip(path)) return [{ path }];
  const items = listMembers(path);
  // HistData's archives hold a report beside the file, Binance's checksums lie beside them.
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

/** Size in bytes of what is read from disk; 0 for standard input. */
export function sizeOf(path: string): number {
  return path === STDIN ? 0 : Deno.statSync(path).size;
}

/** Bytes on disk of an item; 0 where they cannot be known. */
export function sizeOfItem({ path, member }: FileItem): number {
  try {
    return member?.length ?? sizeOf(path);
  } catch {
    return 0;
  }
}

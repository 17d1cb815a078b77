/**
 * Copies the data directory of an idle embedded PostgreSQL. The copy has the state that a crash at that moment would
 * leave, and a start recovers it.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname, join } from "@std/path";
import { BLOCK, type Changes } from "./embedded_changes.ts";

/** Options of {@linkcode copyDirectory}. */
export interface CopyOptions {
  readonly from: string;
  readonly to: string;
  /** Differences between both; absent if unknown, so that everything is copied. */
  readonly changes?: Changes;
  /** Name of the newest segment of the write-ahead log; later ones are kept for reuse, without content. */
  readonly newestSegment: string;
}

/** Files that each server creates itself. */
const OWN = new Set(["postmaster.pid", "postmaster.opts"]);
/** Name of a segment of the write-ahead log. */
const SEGMENT = /^pg_wal\/([0-9A-F]{24})$/;

/** Space to leave for the writer, in bytes: some segments of its log, and rows. A reader must never fill the disk. */
const LEFT = 64 * 1024 ** 2;

/**
 * Copies, and returns the number of bytes copied. Nothing may write to either directory meanwhile.
 *
 * @throws {Error} If there is not enough space for the copy. A partial copy is removed, as after any failure.
 */
export function copyDirectory(options: CopyOptions): number {
  try {
    return copyWithin(options);
  } catch (error) {
    removeSync(options.to);
    throw error;
  }
}

function copyWithin({ from, to, changes, newestSegment }: CopyOptions): number {
  if (changes === undefined) removeSync(to);
  Deno.mkdirSync(to, { recursive: true, mode: 0o700 });
  const isWanted = (path: string) => !OWN.has(path) && (SEGMENT.exec(path)?.[1] ?? "") <= newestSegment;
  const source = listTree(from);
  const target = listTree(to);
  const expected = [...source.files].filter(isWanted);
  const isCopied = (path: string) => !target.files.has(path) || changes?.get(path) === "whole";
  const whole = expected.filter(isCopied);
  checkRoom(to, whole.reduce((sum, path) => sum + Deno.statSync(join(from, path)).size, 0));
  for (const path of source.directories) {
    if (!target.directories.has(path)) Deno.mkdirSync(join(to, path), { recursive: true, mode: 0o700 });
  }
  let copied = 0;
  for (const path of whole) copied += copyWhole(join(from, path), join(to, path));
  for (const path of expected) {
    const changed = changes?.get(path);
    if (isCopied(path) || changed === undefined || changed === "whole") continue;
    copied += copyBlocks(join(from, path), join(to, path), changed);
  }
  for (const path of target.files) {
    if (!source.files.has(path) || !isWanted(path)) removeSync(join(to, path));
  }
  return copied;
}

/** @throws {Error} If writing so many bytes would leave too little for the writer. */
function checkRoom(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  if (free >= bytes + LEFT) return;
  const mib = (size: number) => `${Math.ceil(size / 1024 ** 2)} MiB`;
  throw new Error(
    `no room for a snapshot: ${mib(free)} are free, expected ${
      mib(bytes + LEFT)
    }. Make room, or read when the run has ended`,
  );
}

function copyWhole(from: string, to: string): number {
  Deno.mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  removeSync(to);
  // Shares the blocks if the file system can.
  Deno.copyFileSync(from, to);
  return Deno.statSync(to).size;
}

/** Copies blocks of a file, and truncates it to the same length. */
function copyBlocks(from: string, to: string, blocks: ReadonlySet<number>): number {
  using source = Deno.openSync(from);
  using target = Deno.openSync(to, { write: true });
  const { size } = source.statSync();
  const buffer = new Uint8Array(BLOCK);
  let copied = 0;
  for (const block of blocks) {
    const length = Math.min(BLOCK, size - block * BLOCK);
    if (length <= 0) continue;
    source.seekSync(block * BLOCK, Deno.SeekMode.Start);
    target.seekSync(block * BLOCK, Deno.SeekMode.Start);
    const piece = buffer.subarray(0, length);
    for (let read = 0; read < length;) read += source.readSync(piece.subarray(read)) ?? length;
    for (let written = 0; written < length;) written += target.writeSync(piece.subarray(written));
    copied += length;
  }
  target.truncateSync(size);
  return copied;
}

/** Paths below a directory, relative to it. */
function listTree(root: string, below = "", found = { files: new Set<string>(), directories: new Set<string>() }) {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) {
      found.directories.add(path);
      listTree(root, path, found);
    } else if (isFile) found.files.add(path);
  }
  return found;
}

function removeSync(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

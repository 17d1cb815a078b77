/**
 * The files of dead letters: their paths, and reading and replacing their lines.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { createLetterWriter, pickLetters } from "./rows.ts";

const SUFFIX = ".ndjson";
const NEWLINE = 10;
/** Characters gathered before a write. */
const WRITE_CHARACTERS = 64 * 1024;

/** The directory of dead letters below a data directory. */
export function deadLetterDirectory(dataDir: string): string {
  return join(dataDir, "dead-letters");
}

/** Paths of the letter files, oldest first; empty without a directory. */
export async function listLetterFiles(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      if (entry.isFile && entry.name.endsWith(SUFFIX)) names.push(entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().map((name) => join(directory, name));
}

/** Path of a new letter file; sorts after `last`, even if the clock was set back. */
export function newLetterFile(directory: string, nowMs: number, last = ""): string {
  const path = join(directory, `${new Date(nowMs).toISOString().replaceAll(":", "")}${SUFFIX}`);
  return path > last ? path : `${last.slice(0, -SUFFIX.length)}_${SUFFIX}`;
}

/**
 * Cuts an unfinished last line, left by a crash in mid-write; its records never counted as settled. Call it under the
 * lock. Returns the number of bytes cut.
 */
export async function repairTail(path: string): Promise<number> {
  using file = await Deno.open(path, { read: true, write: true });
  const { size } = await file.stat();
  const block = new Uint8Array(64 * 1024);
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - block.length);
    await file.seek(from, Deno.SeekMode.Start);
    const read = await file.read(block.subarray(0, end - from)) ?? 0;
    const newline = block.subarray(0, read).lastIndexOf(NEWLINE);
    if (newline >= 0) {
      end = from + newline + 1;
      break;
    }
    end = from;
  }
  if (end === size) return 0;
  await file.truncate(end);
  await file.syncData();
  return size - end;
}

/**
 * The finished lines of a file, without any if it is missing; an unfinished line, which is being written now, is left
 * out.
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  let rest = "";
  for await (const chunk of file.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/**
 * Replaces each letter of a file by the result of `change`, or removes it for `undefined`. A header stays as long as
 * one of its rows does, and an empty file is removed. Atomic: a new file replaces the old one. Call it under the lock.
 */
export async function rewriteLines(
  path: string,
  change: (line: number, text: string) => string | undefined,
): Promise<void> {
  const rewritten = `${path}.rewrite`;
  let kept = 0;
  {
    using file = await Deno.open(rewritten, { create: true, truncate: true, write: true, mode: 0o600 });
    const encoder = new TextEncoder();
    let pending = "";
    const format = createLetterWriter();
    for await (const { line, text } of pickLetters(readLines(path))) {
      const changed = change(line, text);
      if (changed === undefined) continue;
      pending += `${format(changed)}\n`;
      kept++;
      if (pending.length < WRITE_CHARACTERS) continue;
      await writeAll(file, encoder.encode(pending));
      pending = "";
    }
    await writeAll(file, encoder.encode(pending));
    await file.syncData();
  }
  if (kept > 0) {
    await Deno.rename(rewritten, path);
  } else {
    await Deno.remove(rewritten);
    await Deno.remove(path);
  }
  await syncDirectory(dirname(path));
}

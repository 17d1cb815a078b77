/**
 * The files of dead letters: where they lie, and how their lines are read and replaced.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { createLetterWriter, pickLetters } from "./rows.ts";

const SUFFIX = ".ndjson";
const NEWLINE = 10;
/** Characters that are gathered before they are written. */
const WRITE_CHARACTERS = 64 * 1024;

/** The directory of dead letters below a data directory. */
export function deadLetterDirectory(dataDir: string): string {
  return join(dataDir, "dead-letters");
}

/** Paths of the letter files, oldest first; none where the directory is missing. */
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

/** Path of a new letter file; sorts after `last`, also where the clock has been set back. */
export function newLetterFile(directory: string, nowMs: number, last = ""): string {
  const path = join(directory, `${new Date(nowMs).toISOString().replaceAll(":", "")}${SUFFIX}`);
  return path > last ? path : `${last.slice(0, -SUFFIX.length)}_${SUFFIX}`;
}

/**
 * Cuts an unfinished last line, which a crash in mid-write leaves; its records never counted as settled. Call it under
 * the lock. Returns how many bytes were cut.
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

/** The finished lines of a file, none where it is missing; an unfinished one, which is being written now, is left out. */
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
 * Writes each letter of a file as `change` gives it, or drops it where that gives `undefined`. A header stays as long as one of
 * its rows does, and the file is removed when nothing is left. Atomic: the new file takes the old one's place. Call it under
 * the lock.
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

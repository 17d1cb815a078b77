/**
 * Entries that a program could not read, and that a later one can: it may know kinds or versions which that one did not.
 *
 * @module
 */
import { join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { decodeFrame } from "../records/codec.ts";
import { frameSize } from "../records/frame.ts";
import type { JournalLog } from "./log.ts";

const NAME = /^\d+\.entry$/;

/** Writes the message of an entry to a file of its own, safe when it resolves; returns what it did, in words. */
export async function writeSetAside(directory: string, number: number, message: Uint8Array): Promise<string> {
  const path = join(directory, `${number}.entry`);
  using file = await Deno.open(path, { create: true, truncate: true, write: true, mode: 0o600 });
  await writeAll(file, message);
  await file.syncData();
  await syncDirectory(directory);
  return `set aside as "${path}"`;
}

/**
 * Appends every entry that was set aside and can be read now to the log, and removes its file. An entry that still cannot
 * be read, or for which there is no room, stays where it is. A crash in between leaves an entry twice, which changes
 * nothing in the database.
 *
 * @returns The kinds of the records that were appended.
 */
export async function takeBack(
  directory: string,
  log: JournalLog,
  warn: (message: string) => void,
): Promise<ReadonlySet<string>> {
  const kinds = new Set<string>();
  for (const path of await listSetAside(directory)) {
    try {
      const message = await Deno.readFile(path);
      const frame = decodeFrame(message);
      const appended = await log.append([{ message, records: frameSize(frame) }], () => false);
      if ("refused" in appended) throw new Error(appended.refused);
      await Deno.remove(path);
      kinds.add(frame.kind);
    } catch (error) {
      warn(`The journal entry in "${path}" stays there: ${(error as Error).message}`);
    }
  }
  return kinds;
}

/** Paths of the entries that were set aside, oldest first. */
export async function listSetAside(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) if (isFile && NAME.test(name)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort((a, b) => parseInt(a) - parseInt(b)).map((name) => join(directory, name));
}

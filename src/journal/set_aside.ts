/**
 * Keeps entries that a program could not read, for a later one that knows their kinds or versions.
 *
 * @module
 */
import { join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";

const NAME = /^\d+\.entry$/;

/** Writes the message of an entry to a separate file, safe when it resolves; returns that in words. */
export async function writeSetAside(directory: string, number: number, message: Uint8Array): Promise<string> {
  const path = join(directory, `${number}.entry`);
  using file = await Deno.open(path, { create: true, truncate: true, write: true, mode: 0o600 });
  await writeAll(file, message);
  await file.syncData();
  await syncDirectory(directory);
  return `set aside as "${path}"`;
}

/** Paths of the entries set aside, oldest first. */
export async function listSetAside(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) if (isFile && NAME.test(name)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort((a, b) => parseInt(a) - parseInt(b)).map((name) => join(directory, name));
}

/**
 * Finds where to begin a file: after the last run's committed records, if it is still the same file.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { type FileItem, nameOf, readRaw } from "../../files/container/raw.ts";
import { type OpenedFile, openFile } from "../../files/open_file.ts";
import type { PlanContext } from "../../files/plan_file.ts";
import type { FilePlace } from "./framer.ts";

/** The bytes of a file's rows from a place on. */
export async function* readFrom(
  item: FileItem,
  opened: OpenedFile,
  from: number,
  onRead?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  if (opened.isPlain) {
    await opened.close();
    return yield* readRaw(item, from, { onRead });
  }
  let left = from;
  for await (const chunk of opened.all()) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** The saved place, if the file is still the same. */
export async function findStart(
  item: FileItem,
  place: FilePlace | undefined,
  plans: PlanContext,
  warn: (message: string) => void,
): Promise<FilePlace | undefined> {
  if (place === undefined) return undefined;
  const head = new TextEncoder().encode(place.head);
  const before = Uint8Array.fromHex(place.before);
  const bytes = async (from: number) => readFrom(item, await openFile(item, plans), from);
  const isSame = place.digest === undefined
    ? await hasBytes(await bytes(0), head) && await hasBytes(await bytes(place.offset - before.length), before)
    : await digestOf(await bytes(0), place.offset) === place.digest;
  if (isSame) return place;
  warn(`"${nameOf(item)}" is not the file that was read last time: reading it from its beginning`);
}

/** The digest of a file's lines, unpacked, up to a place; `undefined` if the file is shorter. */
async function digestOf(bytes: AsyncIterable<Uint8Array>, to: number): Promise<number | undefined> {
  let digest = 0;
  let at = 0;
  for await (const chunk of bytes) {
    digest = crc32(chunk.subarray(0, to - at), digest);
    at += chunk.length;
    if (at >= to) return digest;
  }
  return at >= to ? digest : undefined;
}

/** Whether the bytes begin with the expected ones. */
async function hasBytes(bytes: AsyncIterable<Uint8Array>, expected: Uint8Array): Promise<boolean> {
  let at = 0;
  for await (const chunk of bytes) {
    const count = Math.min(chunk.length, expected.length - at);
    for (let byte = 0; byte < count; byte++) if (chunk[byte] !== expected[at + byte]) return false;
    at += count;
    if (at === expected.length) return true;
  }
  return at === expected.length;
}

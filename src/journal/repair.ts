/**
 * Removes unreadable bytes from a segment.
 *
 * @module
 */
import { dirname } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { JOURNAL_VERSION, SEGMENT_HEADER_BYTES, segmentHeader } from "./format.ts";
import type { Finding, SegmentReport } from "./inspect.ts";

/** Name of a segment while it is rewritten. */
export const REWRITE_SUFFIX = ".rewrite";
const BLOCK_BYTES = 1 << 20;

/** The repair of a finding, in words. */
export interface Repair extends Finding {
  readonly done: string;
}

/**
 * Leaves only whole entries in a segment. A partial entry at its end, left by a crash in mid-write, is cut; damaged
 * bytes in its middle are set aside in a file beside it, as is a segment of a newer version, or one that the disk
 * cannot read. Does nothing without a fault.
 */
export async function repairSegment(report: SegmentReport): Promise<Repair[]> {
  const { path, version, findings } = report;
  if (findings.length === 0) return [];
  if (version !== undefined && version > JOURNAL_VERSION) {
    await Deno.rename(path, `${path}.newer`);
    await syncDirectory(dirname(path));
    return findings.map((finding) => ({ ...finding, done: `set aside as "${path}.newer"` }));
  }
  const repairs: Repair[] = [];
  const isEmpty = report.last < report.first;
  const unreadable = findings.find(({ isUnreadable }) => isUnreadable);
  if (unreadable !== undefined) {
    const target = `${path}.unreadable`;
    await Deno.rename(path, target);
    if (!isEmpty) await rewrite(target, path, findings.filter(({ isTail }) => !isTail), unreadable.at);
    await syncDirectory(dirname(path));
    return findings.map((finding) => ({ ...finding, done: `set aside as "${target}"` }));
  }
  const middle = findings.filter(({ isTail }) => !isTail);
  const tail = findings.find(({ isTail }) => isTail);
  for (const finding of middle) repairs.push({ ...finding, done: await setAside(finding) });
  if (tail !== undefined) repairs.push({ ...tail, done: "cut" });
  const end = tail?.at ?? report.size;
  if (isEmpty) {
    await Deno.remove(path);
    await syncDirectory(dirname(path));
  } else if (middle.length > 0) {
    await rewrite(path, path, middle, end);
  } else {
    using file = await Deno.open(path, { write: true });
    await file.truncate(end);
    await file.syncData();
  }
  return repairs;
}

/** Copies damaged bytes into a separate file, and returns that in words. */
export async function setAside({ path, at, size }: Pick<Finding, "path" | "at" | "size">): Promise<string> {
  const target = `${path}.${String(at).padStart(10, "0")}.damaged`;
  using from = await Deno.open(path);
  using to = await Deno.open(target, { create: true, truncate: true, write: true, mode: 0o600 });
  await copy(from, at, at + size, to);
  await to.syncData();
  await syncDirectory(dirname(path));
  return `set aside as "${target}"`;
}

/** Rewrites a segment to `path`, without these bytes and up to `end`. */
async function rewrite(source: string, path: string, without: readonly Finding[], end: number): Promise<void> {
  const unfinished = `${path}${REWRITE_SUFFIX}`;
  {
    using from = await Deno.open(source);
    using to = await Deno.open(unfinished, { create: true, truncate: true, write: true, mode: 0o600 });
    await writeAll(to, segmentHeader());
    let at = SEGMENT_HEADER_BYTES;
    for (const damage of without) {
      if (damage.at > at) await copy(from, at, damage.at, to);
      at = Math.max(at, damage.at + damage.size);
    }
    await copy(from, at, end, to);
    await to.syncData();
  }
  await Deno.rename(unfinished, path);
  await syncDirectory(dirname(path));
}

async function copy(from: Deno.FsFile, start: number, end: number, to: Deno.FsFile): Promise<void> {
  const block = new Uint8Array(BLOCK_BYTES);
  await from.seek(start, Deno.SeekMode.Start);
  for (let at = start; at < end;) {
    const read = await from.read(block.subarray(0, Math.min(BLOCK_BYTES, end - at)));
    if (read === null) return;
    await writeAll(to, block.subarray(0, read));
    at += read;
  }
}

/**
 * Finds entries that are in no segment: theirs was deleted, or cut off before its end.
 *
 * @module
 */
import { join } from "@std/path";
import { writeAll } from "../storage/durable_files.ts";
import type { SegmentReport } from "./inspect.ts";

/** A range of missing entries, both numbers included. */
export interface Missing {
  readonly from: number;
  readonly to: number;
}

/** Name of the file with the ranges that were reported. */
const NAME = "missing.json";

/**
 * Entries missing between segments, and before the first.
 *
 * @param segments All of them, oldest first.
 * @param next Number of the first unsettled entry; 0 if unknown.
 */
export function findMissing(segments: readonly Pick<SegmentReport, "first" | "last">[], next: number): Missing[] {
  const missing: Missing[] = [];
  let expected = next;
  for (const { first, last } of segments) {
    // The name of a segment without an entry proves nothing.
    if (last < first) continue;
    if (expected > 0 && first > expected) missing.push({ from: expected, to: first - 1 });
    expected = Math.max(expected, last + 1);
  }
  return missing;
}

/** The ranges not reported yet. */
export async function withoutTold(directory: string, missing: readonly Missing[]): Promise<Missing[]> {
  if (missing.length === 0) return [];
  const told = await readTold(directory);
  return missing.filter(({ from, to }) => !told.some((range) => range.from <= from && to <= range.to));
}

/** Records these ranges as reported, replacing the earlier ones. */
export async function noteTold(directory: string, missing: readonly Missing[]): Promise<void> {
  const path = join(directory, NAME);
  if (missing.length === 0) {
    await Deno.remove(path).catch(() => {});
    return;
  }
  using file = await Deno.open(path, { create: true, truncate: true, write: true, mode: 0o600 });
  await writeAll(file, new TextEncoder().encode(JSON.stringify(missing)));
}

/** Records that these numbers are left out on purpose, so that they do not count as missing. */
export async function skipNumbers(directory: string, range: Missing): Promise<void> {
  // Without the record the next start may report them again: better twice than never.
  await noteTold(directory, [...await readTold(directory), range]).catch(() => {});
}

async function readTold(directory: string): Promise<readonly Missing[]> {
  try {
    const told = JSON.parse(await Deno.readTextFile(join(directory, NAME)));
    return Array.isArray(told) ? told.filter((range) => range !== null) : [];
  } catch {
    // Better reported twice than never.
    return [];
  }
}

/** The number of missing entries. */
export function countMissing(missing: readonly Missing[]): number {
  return missing.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** The range in words. */
export function describeMissing({ from, to }: Missing): string {
  return from === to ? `Frame ${from} is in no segment` : `Frames ${from} to ${to} are in no segment`;
}

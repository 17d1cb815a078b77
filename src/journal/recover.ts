/**
 * Recovers a journal after a crash, or after a full or failing disk.
 *
 * @module
 */
import { join } from "@std/path";
import { kindOf } from "../records/codec.ts";
import { listSegments, SEGMENT_HEADER_BYTES } from "./format.ts";
import { inspectSegment, type SegmentReport } from "./inspect.ts";
import { findMissing, type Missing, noteTold, withoutTold } from "./missing.ts";
import { type Repair, repairSegment, REWRITE_SUFFIX } from "./repair.ts";
import type { ScannedEntry } from "./scan.ts";

/** A segment of an open journal. */
export interface Segment {
  readonly path: string;
  /** Number of its last entry. */
  last: number;
  size: number;
  /** Number of its unread entries and records, and the place where they begin. */
  entries: number;
  records: number;
  readFrom: number;
  /** When its first entry was written, in epoch milliseconds. */
  readonly time: number;
}

/** Findings of a recovery. */
export interface Recovery {
  /** Segments with unsettled entries, oldest first; whole. */
  readonly segments: Segment[];
  readonly repairs: readonly Repair[];
  /** Entries in no segment that no start has reported. */
  readonly missing: readonly Missing[];
  /** Names of the kinds of records in the unsettled entries. */
  readonly kinds: ReadonlySet<string>;
}

/**
 * Reads all segments, repairs damaged ones, and removes settled ones. A failed repair is reported and does not keep the
 * journal from opening, as reading skips damaged bytes, too.
 *
 * @param next Number of the first unsettled entry.
 */
export async function recover(
  directory: string,
  next: number,
  warn: (message: string) => void,
): Promise<Recovery> {
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(REWRITE_SUFFIX)) await Deno.remove(join(directory, name));
  }
  const reports: SegmentReport[] = [];
  const repairs: Repair[] = [];
  const kinds = new Set<string>();
  const noteKind = ({ message }: ScannedEntry) => {
    try {
      kinds.add(kindOf(message));
    } catch {
      // Reading sets it aside.
    }
  };
  const paths = await listSegments(directory);
  for (const path of paths) {
    let report = await inspectSegment(path, next, noteKind);
    try {
      for (const repair of await repairSegment(report)) {
        // Entries lost at the end of a segment, except the last, are counted as missing.
        repairs.push(repair.isTail && path !== paths.at(-1) ? { ...repair, entries: 0 } : repair);
      }
      if (report.entries > 0 && report.findings.length > 0) report = await inspectSegment(path, next);
      if (report.entries === 0) await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) warn(`"${path}" cannot be repaired: ${(error as Error).message}`);
    }
    reports.push(report);
  }
  const missing = findMissing(reports, next);
  const untold = await withoutTold(directory, missing);
  await noteTold(directory, missing).catch(() => {});
  const segments = reports.filter(({ entries }) => entries > 0).map(openSegment);
  return { segments, repairs, missing: untold, kinds };
}

function openSegment({ path, last, size, entries, records, oldest }: SegmentReport): Segment {
  return { path, last, size, entries, records, readFrom: SEGMENT_HEADER_BYTES, time: oldest! };
}

/**
 * Inspects a segment without changing it.
 *
 * @module
 */
import { firstNumber, JOURNAL_VERSION, readSegmentVersion, SEGMENT_HEADER_BYTES } from "./format.ts";
import { createScanner, type Damage, type ScannedEntry } from "./scan.ts";

/** A fault of a segment. */
export interface Finding extends Damage {
  readonly path: string;
  /** Whether it extends to the end of the segment, like an interrupted write. */
  readonly isTail: boolean;
  /** Entries lost by it, at least. */
  readonly entries: number;
  /** Whether the disk cannot read the bytes. */
  readonly isUnreadable?: true;
}

/** Content of a segment. */
export interface SegmentReport {
  readonly path: string;
  /** Version of its format; `undefined` if its header is damaged. */
  readonly version: number | undefined;
  readonly size: number;
  /** Number of its first entry, and of its last; `last` is lower without entries. */
  readonly first: number;
  readonly last: number;
  /** Numbers of unsettled entries and records. */
  readonly entries: number;
  readonly records: number;
  /** When the first and the last of these were written, in epoch milliseconds. */
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Reads a segment from one end to the other, or as far as the disk can read it.
 *
 * @param next Number of the first unsettled entry: earlier ones are read, but not counted.
 *
 * @param hear Called with each unsettled entry.
 */
export async function inspectSegment(
  path: string,
  next: number,
  hear: (entry: ScannedEntry) => void | Promise<void> = () => {},
): Promise<SegmentReport> {
  const first = firstNumber(path);
  const report = {
    path,
    version: undefined as number | undefined,
    size: 0,
    first,
    last: first - 1,
    entries: 0,
    records: 0,
    oldest: undefined as number | undefined,
    newest: undefined as number | undefined,
    findings: [] as Finding[],
  };
  const noteUnreadable = (at: number, error: unknown) => {
    const damage = `the disk does not give it: ${(error as Error).message}`;
    report.findings.push({ path, at, size: report.size - at, damage, isTail: true, entries: 1, isUnreadable: true });
    return report;
  };
  await using opened = new AsyncDisposableStack();
  let file: Deno.FsFile;
  try {
    report.size = (await Deno.stat(path)).size;
    file = opened.use(await Deno.open(path));
    const header = new Uint8Array(SEGMENT_HEADER_BYTES);
    report.version = readSegmentVersion(header.subarray(0, await file.read(header) ?? 0));
  } catch (error) {
    return noteUnreadable(0, error);
  }
  const { version, size } = report;
  if (version !== undefined && version > JOURNAL_VERSION) {
    const damage = `it is of version ${version}, and this program reads up to ${JOURNAL_VERSION}: use a newer one`;
    report.findings.push({ path, at: 0, size, damage, isTail: true, entries: 1 });
    return report;
  }
  if (version === undefined) {
    const headerSize = Math.min(size, SEGMENT_HEADER_BYTES);
    report.findings.push({ path, at: 0, size: headerSize, damage: "it has no header", isTail: false, entries: 0 });
  }
  const scanner = createScanner(file, SEGMENT_HEADER_BYTES, first - 1);
  while (true) {
    const found = await scanner.next(size).catch((error) => void noteUnreadable(scanner.at, error));
    if (found === undefined) return report;
    if ("damage" in found) {
      const isTail = found.at + found.size === size;
      report.findings.push({ ...found, path, isTail, entries: isTail ? 1 : 0 });
      continue;
    }
    const lost = found.number - report.last - 1;
    const finding = report.findings.at(-1);
    if (lost > 0 && finding !== undefined) {
      report.findings.splice(-1, 1, { ...finding, entries: finding.entries + lost });
    }
    report.last = found.number;
    if (found.number < next) continue;
    report.entries++;
    report.records += found.records;
    report.oldest ??= found.time;
    report.newest = found.time;
    await hear(found);
  }
}

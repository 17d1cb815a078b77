/**
 * Turns lines of a file into frames of records.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { clearRow, createColumns, type OpenColumns, releaseColumns, seriesOf } from "../../records/columns.ts";
import { createFrame, type Frame, type Rejected } from "../../records/frame.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ReceiveClock } from "../../records/record.ts";
import { createSeriesDictionary, renewSeries } from "../../records/series_dictionary.ts";
import { BLANK, EMPTY, type LineReader, lineText, NEWLINE, newlineAfter, ROW } from "./line.ts";
import { type Block, MAX_LINE_BYTES } from "./lines.ts";

/** Most lines of a frame. */
const FRAME_LINES = 500;

/** Most bytes of {@linkcode FilePlace.before}: a line of bars, which no other file has at that place. */
const BEFORE_BYTES = 80;

/**
 * How far a file has been read: the beginning of a line. A last line without newline may still be written, so the place
 * is before it.
 */
export interface FilePlace {
  /** Offset in bytes, after unpacking. */
  readonly offset: number;
  /** Number of the next line, from 1. */
  readonly line: number;
  /** First line of the file. */
  readonly head: string;
  /** The bytes just before the place, in hexadecimal: if they differ, another file has taken this one's place. */
  readonly before: string;
  /**
   * CRC-32 of all bytes before the place, so that a correction anywhere among them is noticed. Absent after a line that
   * was too long to read, and in places of earlier versions.
   */
  readonly digest?: number;
}

/** Options of {@linkcode createFramer}. */
export interface FramerOptions {
  /** Name of the file in dead letters. */
  source: string;
  kind: RecordKind;
  provider: string;
  /** Reads the rows. */
  reader: LineReader;
  /** Lines before the first row. */
  headerLines: number;
  /** Prefix of lines that are not rows. */
  comment?: string;
  clock: ReceiveClock;
  /** Symbols whose records are read. @default {all} */
  only?: ReadonlySet<string>;
  /** Place to continue from. */
  start?: FilePlace;
  /** Records the place after a frame; call the result when the frame is settled. */
  track: (place: FilePlace) => (() => void) | undefined;
}

/** Creates frames from the blocks of one file, which must come in order. */
export interface Framer {
  /**
   * The frames of a block, with at most `limit` lines that are not blank. `isMiddle` means that the blocks begin
   * somewhere in the file, without a header; line numbers differ then.
   */
  frames(block: Block, limit: number, isMiddle?: boolean): Generator<Frame>;
  /** Rows without any price so far, which are left out. */
  readonly empty: number;
}

/** A frame that is being filled. */
interface Pending {
  readonly receivedAt: number;
  readonly columns: OpenColumns;
  readonly rejected: Rejected[];
}

/** Makes a framer of rows. */
export function createFramer(options: FramerOptions): Framer {
  const { source, kind, provider, reader, headerLines, clock, only, start, track } = options;
  const comment = options.comment === undefined ? undefined : new TextEncoder().encode(options.comment);
  let series = createSeriesDictionary();
  let head = start?.head;
  let empty = 0;
  let line = start?.line ?? 1;
  let digest = start === undefined ? 0 : start.digest;

  function* frames(block: Block, limit: number, isMiddle = false): Generator<Frame> {
    const { data, offset, tooLong } = block;
    let wholeByte = 0;
    let wholeLine = line;
    let taken = 0;
    let digested = 0;
    let pending: Pending | undefined;

    function* finish(): Generator<Frame> {
      if (tooLong !== undefined) digest = undefined;
      if (digest !== undefined) digest = crc32(data.subarray(digested, wholeByte), digest);
      digested = wholeByte;
      if (pending === undefined || sizeOf(pending) === 0) return;
      const before = data.subarray(Math.max(0, wholeByte - BEFORE_BYTES), wholeByte).toHex();
      const place = tooLong === undefined
        ? { offset: offset + wholeByte, line: wholeLine, head: head!, before, digest }
        : { offset: offset + tooLong, line, head: head!, before: "" };
      const done = pending;
      pending = undefined;
      const onEnded = () => releaseColumns(done.columns);
      yield createFrame({ ...done, kind: kind.name, provider, source, onSettled: track(place), onEnded });
    }

    for (let at = 0; at < data.length && taken < limit;) {
      // The byte order mark stays in the text of the first line, so that text and bytes have the same length.
      head ??= lineText(data, 0, data.length);
      const from = line === 1 && hasMark(data) ? MARK.length : at;
      const isRow = (isMiddle || line > headerLines) && !(comment !== undefined && beginsWith(data, from, comment));
      if (isRow) pending ??= beginFrame();
      const next = isRow && tooLong === undefined
        ? readLine(data, from, pending!)
        : Math.min(newlineAfter(data, at, data.length) + 1, data.length);
      if (isRow && tooLong !== undefined) refuseLine(data, tooLong, pending!);
      at = next;
      line++;
      if (data[at - 1] === NEWLINE) {
        wholeByte = at;
        wholeLine = line;
      }
      if (!isRow || tooLong === undefined && reader.outcome === BLANK) continue;
      taken++;
      if (sizeOf(pending!) === FRAME_LINES) yield* finish();
    }
    yield* finish();
  }

  function beginFrame(): Pending {
    series = renewSeries(series);
    return { receivedAt: clock(FRAME_LINES), columns: createColumns(kind, FRAME_LINES, series, true), rejected: [] };
  }

  /** Reads the line that begins at `from`, and returns where the next begins. */
  function readLine(data: Uint8Array, from: number, { columns, receivedAt, rejected }: Pending): number {
    const row = columns.count;
    columns.lines![row] = line;
    const next = reader.read(data, from, data.length, columns, receivedAt + row);
    const { outcome } = reader;
    if (outcome === ROW) {
      if (only !== undefined && !only.has(seriesOf(columns, row).symbol)) {
        columns.count = row;
        clearRow(columns);
      }
    } else if (outcome === EMPTY) empty++;
    else if (outcome !== BLANK) rejected.push({ reason: outcome, item: reader.describe(), line });
    return next;
  }

  function refuseLine(data: Uint8Array, length: number, { rejected }: Pending): void {
    const reason = `line is too long: ${length} bytes, at most ${MAX_LINE_BYTES} are read`;
    rejected.push({ reason, item: { raw: lineText(data, 0, data.length) }, line });
  }

  return {
    frames,
    get empty() {
      return empty;
    },
  };
}

const sizeOf = ({ columns, rejected }: Pending) => columns.count + rejected.length;

/** The byte order mark of UTF-8. */
const MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const hasMark = (data: Uint8Array) => beginsWith(data, 0, MARK);

function beginsWith(data: Uint8Array, from: number, start: Uint8Array): boolean {
  for (let at = 0; at < start.length; at++) if (data[from + at] !== start[at]) return false;
  return true;
}

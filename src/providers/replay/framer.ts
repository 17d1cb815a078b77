/**
 * Lines of a file to frames of records.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { createColumns, seriesOf } from "../../records/columns.ts";
import { createFrame, type Frame, type Rejected } from "../../records/frame.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ParseContext, ReceiveClock } from "../../records/record.ts";
import { createSeriesDictionary, renewSeries } from "../../records/series_dictionary.ts";
import type { LineReader } from "./csv.ts";
import { type Block, MAX_LINE_BYTES } from "./lines.ts";
import { NO_ROW } from "./planned.ts";

/** Most lines of a frame. */
const FRAME_LINES = 500;
const NEWLINE = 10;

/** Most bytes of {@linkcode FilePlace.before}: a line of bars, which no other file has there. */
const BEFORE_BYTES = 80;

/**
 * Where a file has been read to: the beginning of a line. A last line without newline may be half of one that is being
 * written, so the place is before it.
 */
export interface FilePlace {
  /** Bytes, after unpacking. */
  readonly offset: number;
  /** Number of the next line, from 1. */
  readonly line: number;
  /** First line of the file. */
  readonly head: string;
  /** The bytes just before the place, in hexadecimal: where they are others, another file has taken this one's place. */
  readonly before: string;
  /**
   * CRC-32 of all bytes before the place, so that a correction anywhere among them is noticed. Absent after a line that was
   * too long to be read, and in places of earlier versions.
   */
  readonly digest?: number;
}

/** Options of {@linkcode createFramer}. */
export interface FramerOptions {
  /** Name of the file in dead letters. */
  source: string;
  kind: RecordKind;
  /** Reads the rows. */
  reader: LineReader;
  /** Lines before the first row. */
  headerLines: number;
  /** Lines that begin with it are no rows. */
  comment?: string;
  parse: ParseContext;
  clock: ReceiveClock;
  /** Symbols whose records are read; those of others are left out. @default {all} */
  only?: ReadonlySet<string>;
  /** Place to go on from. */
  start?: FilePlace;
  /** Notes the place after a frame, and gives what to call when the frame is settled. */
  track: (place: FilePlace) => (() => void) | undefined;
}

/** Makes frames of the blocks of one file, which must come in order. */
export interface Framer {
  /** The frames of a block, with at most `limit` lines that are not blank. */
  frames(block: Block, limit: number): Generator<Frame>;
  /** Rows without any price so far: they are left out. */
  readonly empty: number;
}

/** Makes a framer of rows. */
export function createFramer(options: FramerOptions): Framer {
  const { source, kind, reader, headerLines, comment, parse, clock, only, start, track } = options;
  // The mark of byte order is kept, so that text and bytes stay in step; the plan knows of it.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const values: unknown[] = [];
  let series = createSeriesDictionary();
  let head = start?.head;
  let empty = 0;
  let line = start?.line ?? 1;
  let digest = start === undefined ? 0 : start.digest;

  function* frames(block: Block, limit: number): Generator<Frame> {
    const text = decoder.decode(block.data);
    // Where every character is one byte, places in the text are places in the bytes.
    const isAscii = text.length === block.data.length;
    let byte = 0;
    let wholeByte = 0;
    let wholeLine = line;
    let taken = 0;
    let digested = 0;
    let pending = beginFrame();

    function* finish(): Generator<Frame> {
      if (block.tooLong !== undefined) digest = undefined;
      if (digest !== undefined) digest = crc32(block.data.subarray(digested, wholeByte), digest);
      digested = wholeByte;
      if (pending.columns.count + pending.rejected.length === 0) return;
      const { data, offset, tooLong } = block;
      const before = data.subarray(Math.max(0, wholeByte - BEFORE_BYTES), wholeByte).toHex();
      const place = tooLong === undefined
        ? { offset: offset + wholeByte, line: wholeLine, head: head!, before, digest }
        : { offset: offset + tooLong, line, head: head!, before: "" };
      yield createFrame({ ...pending, kind: kind.name, provider: parse.provider, source, onSettled: track(place) });
      pending = beginFrame();
    }

    for (let at = 0; at < text.length && taken < limit;) {
      const newline = text.indexOf("\n", at);
      const end = newline < 0 ? text.length : newline;
      const content = text.slice(at, text.charCodeAt(end - 1) === 13 ? end - 1 : end);
      at = newline < 0 ? text.length : newline + 1;
      byte = isAscii ? at : newline < 0 ? block.data.length : block.data.indexOf(NEWLINE, byte) + 1;
      const number = line++;
      if (newline >= 0) {
        wholeByte = byte;
        wholeLine = line;
      }
      head ??= content;
      if (number <= headerLines || content === "") continue;
      if (comment !== undefined && content.startsWith(comment)) continue;
      taken++;
      readLine(number === 1 ? content.replace(/^\uFEFF/, "") : content, number, pending, block.tooLong);
      if (pending.columns.count + pending.rejected.length === FRAME_LINES) yield* finish();
    }
    yield* finish();
  }

  function beginFrame() {
    return {
      receivedAt: clock(FRAME_LINES),
      columns: createColumns(kind, FRAME_LINES, series = renewSeries(series), true),
      rejected: [] as Rejected[],
    };
  }

  function readLine(
    content: string,
    number: number,
    into: ReturnType<typeof beginFrame>,
    tooLong?: number,
  ): void {
    if (tooLong !== undefined) {
      const reason = `line is too long: ${tooLong} bytes, at most ${MAX_LINE_BYTES} are read`;
      into.rejected.push({ reason, item: { raw: content }, line: number });
      return;
    }
    const { columns, receivedAt } = into;
    const at = columns.count;
    const reason = reader.read(content, values) ?? kind.read(values, columns, receivedAt + at, parse);
    if (reason === NO_ROW) empty++;
    else if (reason !== undefined) into.rejected.push({ reason, item: reader.describe(content), line: number });
    else if (only === undefined || only.has(seriesOf(columns, at).symbol)) columns.lines![at] = number;
    else columns.count = at;
  }

  return {
    frames,
    get empty() {
      return empty;
    },
  };
}

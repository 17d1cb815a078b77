/**
 * Lines of a file to frames of records.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { createFrame, type Frame, type Rejected } from "../../records/frame.ts";
import type { MarketRecord, ParseContext, ReceiveClock, RecordKind } from "../../records/record.ts";
import { createCsvReader, type LineReader } from "./csv.ts";
import { type Block, MAX_LINE_BYTES } from "./lines.ts";
import { createNdjsonReader } from "./ndjson.ts";

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
  kind: RecordKind<MarketRecord>;
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
  /** Whether a first line has been seen. */
  readonly begun: boolean;
}

/**
 * Makes a framer. The first line tells the format: a JSON object, or the header of a CSV file.
 *
 * @throws {RangeError} From {@linkcode Framer.frames}, if a CSV header lacks a column that is needed.
 */
export function createFramer(options: FramerOptions): Framer {
  const { source, kind, parse, clock, only, start, track } = options;
  // The mark of byte order is kept, so that text and bytes stay in step; openLines takes it off.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const values: unknown[] = [];
  let head = start?.head;
  let reader = head === undefined ? undefined : openLines(head, kind).reader;
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
      if (pending.records.length + pending.rejected.length === 0) return;
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
      if (reader === undefined) {
        head = content;
        const opened = openLines(content, kind);
        reader = opened.reader;
        if (opened.isHeader) continue;
      }
      if (content === "") continue;
      taken++;
      readLine(content, number, reader, pending, block.tooLong);
      if (pending.records.length + pending.rejected.length === FRAME_LINES) yield* finish();
    }
    yield* finish();
  }

  function beginFrame() {
    return {
      receivedAt: clock(FRAME_LINES),
      records: [] as MarketRecord[],
      lines: [] as number[],
      rejected: [] as Rejected[],
    };
  }

  function readLine(
    content: string,
    number: number,
    from: LineReader,
    into: ReturnType<typeof beginFrame>,
    tooLong?: number,
  ): void {
    if (tooLong !== undefined) {
      const reason = `line is too long: ${tooLong} bytes, at most ${MAX_LINE_BYTES} are read`;
      into.rejected.push({ reason, item: { raw: content }, line: number });
      return;
    }
    const record = from.read(content, values) ??
      kind.parse(values, into.receivedAt + into.records.length, parse);
    if (typeof record === "string") {
      into.rejected.push({ reason: record, item: from.describe(content), line: number });
    } else if (only === undefined || only.has(kind.series(record).symbol)) {
      into.records.push(record);
      into.lines.push(number);
    }
  }

  return {
    frames,
    get begun() {
      return head !== undefined;
    },
  };
}

/**
 * The reader of a file's lines, by its first line.
 *
 * @throws {RangeError} If that is a CSV header that lacks a column which is needed.
 */
export function openLines(
  first: string,
  { fields }: RecordKind<MarketRecord>,
): { reader: LineReader; isHeader: boolean } {
  const content = first.replace(/^\uFEFF/, "");
  return content.trimStart().startsWith("{")
    ? { reader: createNdjsonReader(fields), isHeader: false }
    : { reader: createCsvReader(content, fields), isHeader: true };
}

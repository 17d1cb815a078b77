/**
 * Frames as bytes: for the journal, and for messages between processes.
 *
 * A message is `BFR`, a byte with the version, the CRC-32C of the rest, the length of a JSON object, that object, and a
 * column for each of its fields (see `packed.ts`); numbers are little-endian. The object has kind, provider, receive
 * time, number of records, fields with their types, the dictionary of texts, and the rejected items. So each message
 * can be read on its own, also by a program whose kind has other fields, which leaves out unknown ones.
 *
 * @module
 */
import { createColumnReader, createColumnWriter } from "./packed.ts";
import { crc32c } from "./crc32c.ts";
import { createColumns, type OpenColumns, SERIES } from "./columns.ts";
import type { Frame, Rejected } from "./frame.ts";
import type { RecordKind, WireField } from "./kind.ts";
import { recordKind } from "./mod.ts";
import type { SeriesKey } from "./record.ts";
import { createSeriesDictionary, type SeriesDictionary } from "./series_dictionary.ts";

/** The written version. */
export const CODEC_VERSION = 1;
/** Most records of a message: limits the memory that a short, hostile one can make a reader allocate. */
export const MAX_MESSAGE_RECORDS = 100_000;
/** Most fields of a kind, for the same reason. */
const MAX_FIELDS = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const writer = createColumnWriter();
const MAGIC = [0x42, 0x46, 0x52];
const CHECKED_FROM = 8;
const OBJECT_FROM = 12;
const TYPES: readonly string[] = ["number", "text", "json"] satisfies WireField["type"][];

/** The bytes are not a message that this program can read; the error has the reason. */
export class CodecError extends Error {
  override name = "CodecError";
}

/** A frame without its acknowledgements. */
export type FrameContent = Omit<Frame, "ack" | "home">;

/** The JSON object of a message. */
interface Header {
  kind: string;
  provider: string;
  receivedAt: number;
  count: number;
  /** `name:type`, separated by spaces. */
  fields: string;
  texts: string[];
  rejected?: readonly Rejected[];
  source?: string;
  /** Whether a column of lines follows those of the fields. */
  lines?: boolean;
}

/**
 * Writes a frame.
 *
 * @throws {RangeError} If the frame has more than {@linkcode MAX_MESSAGE_RECORDS} records.
 */
export function encodeFrame(frame: FrameContent, kind: RecordKind): Uint8Array<ArrayBuffer> {
  const { columns, rejected, source } = frame;
  const { count, cells, stride, texts, series, lines } = columns;
  const { wire } = kind;
  if (count > MAX_MESSAGE_RECORDS) {
    throw new RangeError(`Cannot write a frame of ${count} records: most are ${MAX_MESSAGE_RECORDS}, split it`);
  }
  writer.begin(wire.length + 1, count);
  for (const { name, type, place, text, optional = false } of wire) {
    const from = place * stride;
    if (type === "number") writer.numbers(cells, from, count, optional);
    else if (place === SERIES) writer.strings(count, (at) => series.keys[cells[at]][name as keyof SeriesKey]);
    else if (text === undefined) writer.strings(count, (at) => texts[place][at]);
    else writer.strings(count, (at) => Number.isNaN(cells[from + at]) ? undefined : text.of(cells[from + at]));
  }
  if (lines !== undefined) writer.numbers(lines, 0, count, false);
  const header: Header = {
    kind: frame.kind,
    provider: frame.provider,
    receivedAt: frame.receivedAt,
    count,
    fields: wire.map(({ name, type }) => `${name}:${type}`).join(" "),
    texts: [...writer.texts],
    rejected: rejected.length > 0 ? rejected : undefined,
    source,
    lines: lines === undefined ? undefined : true,
  };
  const object = encoder.encode(JSON.stringify(header));
  const { bytes } = writer;
  const message = new Uint8Array(OBJECT_FROM + object.length + bytes.length);
  message.set(MAGIC);
  message[3] = CODEC_VERSION;
  message.set(object, OBJECT_FROM);
  message.set(bytes, OBJECT_FROM + object.length);
  const view = new DataView(message.buffer);
  view.setUint32(CHECKED_FROM, object.length, true);
  view.setUint32(4, crc32c(message, CHECKED_FROM), true);
  return message;
}

/** Whether the bytes begin a message of a version that this program cannot read yet. */
export function isNewerMessage(bytes: Uint8Array): boolean {
  return bytes.length > MAGIC.length && MAGIC.every((byte, at) => bytes[at] === byte) && bytes[3] > CODEC_VERSION;
}

/**
 * Why the bytes are not a whole message, in words; `undefined` if they are: checks form and checksum, not the content.
 */
export function findDamage(bytes: Uint8Array): string | undefined {
  if (bytes.length < OBJECT_FROM) return `it has ${bytes.length} bytes`;
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) return "it does not begin as one";
  if (bytes[3] > CODEC_VERSION) {
    return `it is of version ${bytes[3]}, and this program reads up to ${CODEC_VERSION}: use a newer one`;
  }
  if (bytes[3] === 0) return "it is of version 0, which there is not";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(4, true) !== crc32c(bytes, CHECKED_FROM)) return "its checksum is wrong";
}

/** Name of the kind of a whole message's records, which this program may not know. */
export function kindOf(bytes: Uint8Array): string {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(CHECKED_FROM, true);
  return parseHeader(decoder.decode(bytes.subarray(OBJECT_FROM, OBJECT_FROM + size))).kind;
}

/** Options of reading messages. */
export interface DecodeOptions {
  /** The kind with a name. @default {those of the registry} */
  findKind?: (name: string) => RecordKind;
  /** The series of the messages' source. @default {those of this message} */
  series?: SeriesDictionary;
}

/**
 * Reads a frame; the result can be passed to `createFrame`.
 *
 * @throws {CodecError} If the bytes are not exactly one message, or have an unknown kind.
 */
export function decodeFrame(bytes: Uint8Array, options: DecodeOptions = {}): FrameContent {
  try {
    const damage = findDamage(bytes);
    if (damage !== undefined) throw new RangeError(damage);
    return decode(bytes, options);
  } catch (error) {
    throw new CodecError(`Cannot read a message of ${bytes.length} bytes: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function decode(bytes: Uint8Array, { findKind = recordKind, series = createSeriesDictionary() }: DecodeOptions) {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(CHECKED_FROM, true);
  if (OBJECT_FROM + size > bytes.length) throw new RangeError("it ends in the middle of its object");
  const header = parseHeader(decoder.decode(bytes.subarray(OBJECT_FROM, OBJECT_FROM + size)));
  const { kind: name, provider, receivedAt, source, rejected = [], count, texts } = header;
  const kind = findKind(name);
  const reader = createColumnReader(bytes, OBJECT_FROM + size);
  const columns = createColumns(kind, count, series, header.lines);
  const { cells } = columns;
  const unused = new Float64Array(count);
  const found = new Map<string, string>();
  const names: Record<string, Int32Array> = {};
  for (const [name, type] of parseFields(header.fields)) {
    const field = kind.wire.find((field) => field.name === name && field.type === type);
    found.set(name, type);
    const from = (field?.place ?? 0) * columns.stride;
    let there = count;
    if (type === "number") there = reader.numbers(count, field === undefined ? unused : cells, from);
    else {
      const values = reader.strings(count, texts.length);
      if (field === undefined) continue;
      if (field.place === SERIES) names[name] = values;
      there = field.place === SERIES ? countTexts(values) : putTexts(values, texts, field, columns);
    }
    if (field !== undefined && !field.optional && there < count) throw new RangeError(`field ${name} has gaps`);
  }
  if (columns.lines !== undefined) reader.numbers(count, columns.lines, 0);
  if (reader.at !== bytes.length) throw new RangeError(`${bytes.length - reader.at} bytes follow its end`);
  for (const { name, type, optional } of kind.wire) {
    const is = found.get(name);
    if (is !== type && !(is === undefined && optional)) throw new RangeError(`field ${name} is ${is ?? "missing"}`);
  }
  putSeries(names, texts, kind.timeframe, columns, count);
  columns.count = count;
  return { kind: name, provider, receivedAt, columns, rejected, source };
}

function countTexts(places: Int32Array): number {
  let found = 0;
  for (let at = 0; at < places.length; at++) if (places[at] >= 0) found++;
  return found;
}

/** Writes texts to their column, or the cells that they stand for. Returns their number. */
function putTexts(
  places: Int32Array,
  given: readonly string[],
  { place, type, text }: WireField,
  { texts, cells, stride }: OpenColumns,
): number {
  let last = -1;
  let cell = NaN;
  for (let at = 0; at < places.length; at++) {
    const value = given[places[at]];
    if (places[at] < 0) continue;
    if (places[at] !== last) {
      last = places[at];
      if (text !== undefined) cell = text.read(value);
      else if (type === "json") JSON.parse(value);
    }
    if (text === undefined) texts[place][at] = value;
    else cells[place * stride + at] = cell;
  }
  return countTexts(places);
}

/** Writes the codes of the named series. */
function putSeries(
  { provider, symbol, timeframe }: Record<string, Int32Array>,
  texts: readonly string[],
  only: string | undefined,
  { cells, series }: OpenColumns,
  count: number,
): void {
  /** Codes by the index of the symbol, while provider and timeframe stay the same. */
  let codes: number[] = [];
  for (let at = 0; at < count; at++) {
    const isSame = at > 0 && provider[at] === provider[at - 1] && timeframe?.[at] === timeframe?.[at - 1];
    if (!isSame) codes = [];
    codes[symbol[at]] ??= series.codeOf(texts[provider[at]], texts[symbol[at]], only ?? texts[timeframe[at]]);
    cells[at] = codes[symbol[at]];
  }
}

function parseFields(text: string): [name: string, type: string][] {
  const fields = text.split(" ");
  if (fields.length > MAX_FIELDS) throw new RangeError(`it has ${fields.length} fields`);
  return fields.map((field) => {
    const [name, type, ...rest] = field.split(":");
    if (!TYPES.includes(type) || rest.length > 0) throw new RangeError(`it has a field "${field}"`);
    return [name, type];
  });
}

function parseHeader(text: string): Header {
  const header: Partial<Header> | null = JSON.parse(text);
  const isText = (value: unknown) => typeof value === "string";
  const isRejected = (value: Rejected | null) =>
    typeof value === "object" && isText(value?.reason) && ["undefined", "number"].includes(typeof value!.line);
  const isCount = Number.isInteger(header?.count) && header!.count! >= 0 && header!.count! <= MAX_MESSAGE_RECORDS;
  const isHeader = isCount && isText(header!.kind) && isText(header!.provider) && isText(header!.fields) &&
    Number.isFinite(header!.receivedAt) && Array.isArray(header!.texts) && header!.texts.every(isText) &&
    (header!.rejected === undefined || Array.isArray(header!.rejected) && header!.rejected.every(isRejected)) &&
    (header!.source === undefined || isText(header!.source));
  if (!isHeader) throw new RangeError("its object does not describe a frame");
  return header as Header;
}

/**
 * Frames as bytes: for the journal, and for messages between processes.
 *
 * A message is `BFR`, a byte with the version, the CRC-32C of all that follows, the length of a JSON object, that object,
 * and a column for each field that it names (see `packed.ts`); numbers are little-endian. The object tells kind,
 * provider, receive time, number of records, fields with their types, the dictionary of texts, and what was rejected. So
 * a message can be read without anything beside it, also by a program whose kind has other fields: those that it does
 * not know it leaves out.
 *
 * @module
 */
import { createColumnReader, createColumnWriter } from "./packed.ts";
import { crc32c } from "./crc32c.ts";
import type { Frame, FrameInit, Rejected } from "./frame.ts";
import { recordKind } from "./mod.ts";
import type { MarketRecord, RecordKind, WireField, WireType } from "./record.ts";

/** Version that is written. */
export const CODEC_VERSION = 1;
/** Most records of a message: what a short, hostile one can make a reader allocate. */
export const MAX_MESSAGE_RECORDS = 100_000;
/** Most fields of a kind, for the same reason. */
const MAX_FIELDS = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const writer = createColumnWriter();
const MAGIC = [0x42, 0x46, 0x52];
const CHECKED_FROM = 8;
const OBJECT_FROM = 12;
const TYPES: readonly string[] = ["number", "text", "json"] satisfies WireType[];

/** Bytes are no message that this program can read; the message says why. */
export class CodecError extends Error {
  override name = "CodecError";
}

/** A frame without anybody to acknowledge it to. */
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
 * Writes a frame. A record whose fields are not of their types, which no provider should make, is written as rejected.
 *
 * @throws {RangeError} If the frame has more than {@linkcode MAX_MESSAGE_RECORDS} records.
 */
export function encodeFrame(frame: FrameContent, kind: RecordKind<MarketRecord>): Uint8Array<ArrayBuffer> {
  const { records, rejected, source, lines } = frame;
  const { fields } = kind.wire;
  const count = records.length;
  if (count > MAX_MESSAGE_RECORDS) {
    throw new RangeError(`Cannot write a frame of ${count} records: most are ${MAX_MESSAGE_RECORDS}, split it`);
  }
  writer.begin(fields.length + 1, count);
  let isSound = true;
  for (const field of fields) {
    const look = (record: MarketRecord) => lookAt(record, field);
    const { optional = false } = field;
    const isWhole = "put" in field
      ? writer.numbers(records, field.put, look)
      : field.type === "number"
      ? writer.numbers(records, putValue(field.value), look)
      : writer.strings(
        records,
        field.type === "text" ? field.value : (it) => JSON.stringify(field.value(it)),
        optional,
      );
    if (!isWhole) isSound = false;
  }
  if (!isSound) return encodeFrame(rejectMisfits(frame, fields), kind);
  if (lines !== undefined) writeLines(lines, count);
  const header: Header = {
    kind: frame.kind,
    provider: frame.provider,
    receivedAt: frame.receivedAt,
    count,
    fields: fields.map(({ name, type }) => `${name}:${type}`).join(" "),
    texts: [...writer.texts],
    rejected: rejected.length > 0 ? rejected : undefined,
    source,
    lines: lines === undefined ? undefined : true,
  };
  const object = encoder.encode(JSON.stringify(header));
  const columns = writer.bytes;
  const message = new Uint8Array(OBJECT_FROM + object.length + columns.length);
  message.set(MAGIC);
  message[3] = CODEC_VERSION;
  message.set(object, OBJECT_FROM);
  message.set(columns, OBJECT_FROM + object.length);
  const view = new DataView(message.buffer);
  view.setUint32(CHECKED_FROM, object.length, true);
  view.setUint32(4, crc32c(message, CHECKED_FROM), true);
  return message;
}

function putValue(value: (record: MarketRecord) => unknown) {
  return (record: MarketRecord, into: Float64Array, at: number) => {
    const number = value(record);
    into[at] = typeof number === "number" ? number : NaN;
  };
}

/** Writes the lines of as many records: a frame that was cut may have more. */
function writeLines(lines: readonly number[], count: number): void {
  const all = lines.length === count ? lines : lines.slice(0, count);
  writer.numbers(all, (line, into, at) => void (into[at] = line), () => "absent");
}

/** The frame with the records that do not have the fields of their kind among the rejected. */
function rejectMisfits(frame: FrameContent, fields: readonly WireField<MarketRecord>[]): FrameContent {
  const misfits = new Map<number, Rejected>();
  for (const [at, record] of frame.records.entries()) {
    const field = fields.find((field) => lookAt(record, field) === "wrong");
    if (field === undefined) continue;
    const reason = `${field.name} is not ${field.type}: ${read(record, field)}`;
    misfits.set(at, { reason, item: { ...record }, line: frame.lines?.[at] });
  }
  const isKept = (_: unknown, at: number) => !misfits.has(at);
  return {
    ...frame,
    records: frame.records.filter(isKept),
    lines: frame.lines?.filter(isKept),
    rejected: [...frame.rejected, ...misfits.values()],
  };
}

const read = (record: MarketRecord, { name }: WireField<MarketRecord>) =>
  (record as unknown as Record<string, unknown>)[name];

/** What a record has in a field. */
function lookAt(record: MarketRecord, field: WireField<MarketRecord>): "value" | "absent" | "wrong" {
  const value = read(record, field);
  if (value === undefined) return field.optional ? "absent" : "wrong";
  const isFit = field.type === "json" || typeof value === (field.type === "text" ? "string" : "number");
  return isFit ? "value" : "wrong";
}

/** Whether the bytes begin a message of a version that this program cannot read yet. */
export function isNewerMessage(bytes: Uint8Array): boolean {
  return bytes.length > MAGIC.length && MAGIC.every((byte, at) => bytes[at] === byte) && bytes[3] > CODEC_VERSION;
}

/**
 * Why the bytes are no whole message, in words; `undefined` when they are: its form and checksum, without reading what
 * it holds.
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

/** Name of the kind of a whole message's records, whether this program knows it or not. */
export function kindOf(bytes: Uint8Array): string {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(CHECKED_FROM, true);
  return parseHeader(decoder.decode(bytes.subarray(OBJECT_FROM, OBJECT_FROM + size))).kind;
}

/**
 * Reads a frame; what it gives can be handed to `createFrame`.
 *
 * @throws {CodecError} If the bytes are not exactly one message, or of a kind that is not known.
 */
export function decodeFrame(
  bytes: Uint8Array,
  findKind: (name: string) => RecordKind<MarketRecord> = recordKind,
): FrameInit<MarketRecord> & { rejected: readonly Rejected[] } {
  try {
    const damage = findDamage(bytes);
    if (damage !== undefined) throw new RangeError(damage);
    return decode(bytes, findKind);
  } catch (error) {
    throw new CodecError(`Cannot read a message of ${bytes.length} bytes: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function decode(bytes: Uint8Array, findKind: (name: string) => RecordKind<MarketRecord>) {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(CHECKED_FROM, true);
  if (OBJECT_FROM + size > bytes.length) throw new RangeError("it ends in the middle of its object");
  const header = parseHeader(decoder.decode(bytes.subarray(OBJECT_FROM, OBJECT_FROM + size)));
  const { count, texts } = header;
  const { fields, reader: openReader } = findKind(header.kind).wire;
  const reader = createColumnReader(bytes, OBJECT_FROM + size);
  const columns = new Map<string, { type: string; values: ArrayLike<unknown> }>();
  for (const [name, type] of parseFields(header.fields)) {
    const values = type === "number" ? reader.numbers(count) : reader.strings(count, texts);
    columns.set(name, { type, values: type === "json" ? parseAll(values as ArrayLike<string | undefined>) : values });
  }
  const lines = header.lines ? reader.numbers(count) : undefined;
  if (reader.at !== bytes.length) throw new RangeError(`${bytes.length - reader.at} bytes follow its end`);
  const read = openReader(fields.map((field) => {
    const column = columns.get(field.name);
    if (column === undefined && field.optional) return [];
    if (column?.type !== field.type) throw new RangeError(`field ${field.name} is ${column?.type ?? "missing"}`);
    if (!field.optional && !isWhole(column.values, count)) throw new RangeError(`field ${field.name} has gaps`);
    return column.values;
  }));
  const records = new Array<MarketRecord>(count);
  for (let at = 0; at < count; at++) records[at] = read(at);
  const { kind, provider, receivedAt, source, rejected = [] } = header;
  return {
    kind,
    provider,
    receivedAt,
    records,
    rejected,
    source,
    lines: lines && Array.from(lines as ArrayLike<number>),
  };
}

/** The values that texts stand for; each text is parsed once, as it may be meant a hundred thousand times. */
function parseAll(texts: ArrayLike<string | undefined>): unknown[] {
  const parsed = new Map<string | undefined, unknown>([[undefined, undefined]]);
  return Array.from(texts, (text) => {
    if (!parsed.has(text)) parsed.set(text, JSON.parse(text!));
    return parsed.get(text);
  });
}

function isWhole(values: ArrayLike<unknown>, count: number): boolean {
  for (let at = 0; at < count; at++) if (values[at] === undefined) return false;
  return true;
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
  if (!isHeader) throw new RangeError("its object is none of a frame");
  return header as Header;
}

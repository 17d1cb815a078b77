/**
 * Reads Databento Binary Encoding, OHLCV records only, as the CSV that Databento writes for it.
 *
 * The layout is that of the crate `dbn` (rust/dbn, Apache-2.0), versions 1 to 3: `DBN`, version, length of the
 * metadata; then records of 56 bytes. The first byte of a record is its length in words of four bytes.
 *
 * @module
 */

/** The header of the lines. */
const HEADER = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol";
const RECORD_BYTES = 56;
const OHLCV_TYPES: ReadonlySet<number> = new Set([17, 32, 33, 34, 35, 36]);
/** Bytes of the metadata before its lists. */
const FIXED_BYTES = 100;
const MAX_METADATA = 256 * 1024 * 1024;

/** A symbol of an instrument over days, as `20240102`. */
interface Mapping {
  readonly symbol: string;
  readonly from: number;
  readonly to: number;
}

/** Whether the bytes begin like DBN. */
export const isDbn = (head: Uint8Array): boolean => head[0] === 68 && head[1] === 66 && head[2] === 78 && head[3] <= 3;

/** Yields the records as lines. @throws {RangeError} If the records are not bars, or the file is incomplete. */
export async function* dbnLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let held = new Uint8Array();
  let mappings: ReadonlyMap<number, readonly Mapping[]> | undefined;
  /** Chunks of the metadata, until it is complete. */
  const parts: Uint8Array[] = [];
  let size = 0;
  let length = Infinity;
  for await (const chunk of bytes) {
    if (mappings === undefined) {
      parts.push(chunk.slice());
      size += chunk.length;
      if (length === Infinity && size >= 8) {
        held = join(parts.splice(0), size);
        parts.push(held);
        length = 8 + new DataView(held.buffer).getUint32(4, true);
        if (length > MAX_METADATA) throw new RangeError("its metadata is too long to be DBN");
      }
      if (size < length) continue;
      held = join(parts.splice(0), size);
      mappings = metadataOf(held[3], new DataView(held.buffer, 8, length - 8));
      held = held.slice(length);
      yield HEADER;
    } else held = join([held, chunk], held.length + chunk.length);
    let at = 0;
    while (at < held.length && at + held[at] * 4 <= held.length) {
      const length = held[at] * 4;
      if (length === 0) throw new RangeError("it has a record without a length");
      if (!OHLCV_TYPES.has(held[at + 1])) {
        throw new RangeError(`it has records of type ${held[at + 1]}, expected bars: a schema like ohlcv-1m`);
      }
      if (length !== RECORD_BYTES) throw new RangeError(`a bar has ${length} bytes, expected ${RECORD_BYTES}`);
      yield lineOf(new DataView(held.buffer, held.byteOffset + at, length), mappings);
      at += length;
    }
    held = held.slice(at);
  }
  if (mappings === undefined || held.length > 0) throw new RangeError("it is incomplete DBN: it ends in the middle");
}

function lineOf(record: DataView, mappings: ReadonlyMap<number, readonly Mapping[]>): string {
  const instrument = record.getUint32(4, true);
  const time = record.getBigUint64(8, true);
  const prices = [16, 24, 32, 40].map((at) => record.getBigInt64(at, true));
  const day = Number(new Date(Number(time / 1_000_000n)).toISOString().slice(0, 10).replaceAll("-", ""));
  const symbol = mappings.get(instrument)?.find(({ from, to }) => day >= from && day < to)?.symbol ?? "";
  const volume = record.getBigUint64(48, true);
  return [time, record.getUint8(1), record.getUint16(2, true), instrument, ...prices, volume, symbol].join(",");
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function metadataOf(version: number, view: DataView): ReadonlyMap<number, readonly Mapping[]> {
  try {
    return readMappings(version, view);
  } catch (error) {
    throw new RangeError("it is not valid DBN: a list of its metadata is longer than the metadata", { cause: error });
  }
}

/** Reads symbols from the metadata. */
function readMappings(version: number, view: DataView): ReadonlyMap<number, readonly Mapping[]> {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const text = (at: number, length: number) => {
    const part = bytes.subarray(at, at + length);
    const end = part.indexOf(0);
    return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
  };
  const symbolLength = version === 1 ? 22 : view.getUint16(45, true);
  let at = FIXED_BYTES;
  const count = () => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  // The name of the schema, then the lists of symbols: requested, partly found, and not found.
  const skip = (bytes: number) => at += bytes;
  skip(count());
  for (let list = 0; list < 3; list++) skip(count() * symbolLength);
  const found = new Map<number, Mapping[]>();
  for (let left = count(); left > 0; left--) {
    const raw = text(at, symbolLength);
    at += symbolLength;
    for (let intervals = count(); intervals > 0; intervals--) {
      const [from, to] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const id = text(at + 8, symbolLength);
      at += 8 + symbolLength;
      // Symbols map to numbers, or numbers to symbols: it depends on which of the two was requested.
      const [instrument, symbol] = /^\d+$/.test(id) ? [Number(id), raw] : [Number(raw), id];
      const list = found.get(instrument) ?? [];
      list.push({ symbol, from, to });
      found.set(instrument, list);
    }
  }
  return found;
}

/**
 * Columns of values as bytes; see `codec.ts`.
 *
 * A column begins with one byte: in its two lowest bits whether values are there (0 none, 1 all, 2 some, and then a bit
 * for each record follows, the lowest first), in the next two how they are laid out. Numbers: 0 as doubles, 1 as the
 * first and the step from each to the next. Text: 0 one for all, else each by its place in the dictionary, in 1, 2 or 4
 * bytes (1, 2, 3). Everything is little-endian.
 *
 * @module
 */

const NONE = 0;
const ALL = 1;
const SOME = 2;
const PLAIN = 0;
const RAMP = 1;
const CONSTANT = 0;
/** Bytes of a text's place, by layout. */
const WIDTHS = [4, 1, 2, 4];
/** Shortest ramp that takes less space than its values. */
const LEAST_RAMP = 3;

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Most bytes of a column of that many records. */
function maxColumnBytes(count: number): number {
  return 1 + Math.ceil(count / 8) + 8 * Math.max(count, 2);
}

/** Largest buffer kept for the next columns. */
const KEPT_BYTES = 1 << 20;

/** Writes columns one after another, and gathers the texts in them. */
export interface ColumnWriter {
  /** Each text once, in the order of first use. */
  readonly texts: readonly string[];
  /** The bytes written since the beginning; valid until the next. */
  readonly bytes: Uint8Array;
  /** Starts over, with room for that many columns of that many records. */
  begin(columns: number, count: number): void;
  /** Writes a column of `count` numbers from `from` on. If they may be absent, `NaN` means absent. */
  numbers(values: ArrayLike<number>, from: number, count: number, mayBeAbsent: boolean): void;
  /** Writes a column of the results of `value` for each record: text, or `undefined` for absent ones. */
  strings(count: number, value: (at: number) => string | undefined): void;
}

/** Creates a writer. It keeps its buffer, as a new one for each frame would trigger the garbage collector. */
export function createColumnWriter(): ColumnWriter {
  let bytes = new Uint8Array(0);
  let view = new DataView(bytes.buffer);
  const places = new Map<string, number>();
  let size = 0;
  let values = new Float64Array(0);

  /**
   * Records the first record without a value: from then on each record with one needs its bit, and earlier ones, too.
   */
  function noteGap(at: number, count: number): void {
    bytes.fill(0, size + 1, size + 1 + Math.ceil(count / 8));
    for (let before = 0; before < at; before++) noteValue(before);
  }

  function noteValue(at: number): void {
    bytes[size + 1 + (at >> 3)] |= 1 << (at & 7);
  }

  /** Writes the first byte of a column with that many values, followed by the bits if they are needed. */
  function beginColumn(count: number, layout: number, found: number): void {
    const presence = found === 0 ? NONE : found === count ? ALL : SOME;
    bytes[size++] = presence | layout << 2;
    if (presence === SOME) size += Math.ceil(count / 8);
  }

  function isRamp(found: number): boolean {
    if (found < LEAST_RAMP) return false;
    const first = values[0];
    const step = values[1] - first;
    for (let at = 0; at < found; at++) if (!Object.is(values[at], first + at * step)) return false;
    return true;
  }

  function placeOf(text: string): number {
    let place = places.get(text);
    if (place === undefined) places.set(text, place = places.size);
    return place;
  }

  return {
    get texts() {
      return [...places.keys()];
    },
    get bytes() {
      return bytes.subarray(0, size);
    },
    begin(columns, count) {
      const room = columns * maxColumnBytes(count);
      if (bytes.length < room || bytes.length > Math.max(room, KEPT_BYTES)) {
        bytes = new Uint8Array(room);
        view = new DataView(bytes.buffer);
        values = new Float64Array(count);
      } else if (values.length < count) {
        values = new Float64Array(count);
      }
      size = 0;
      places.clear();
    },
    numbers(given, from, count, mayBeAbsent) {
      let found = 0;
      for (let at = 0; at < count; at++) {
        const value = given[from + at];
        if (mayBeAbsent && value !== value) {
          if (found === at) noteGap(at, count);
          continue;
        }
        if (found < at) noteValue(at);
        values[found++] = value;
      }
      const ramp = isRamp(found);
      beginColumn(count, ramp ? RAMP : PLAIN, found);
      if (ramp) values[1] -= values[0];
      const written = ramp ? 2 : found;
      // Memory has doubles in the same form, but not aligned to eight bytes.
      if (IS_LITTLE_ENDIAN) bytes.set(new Uint8Array(values.buffer, 0, 8 * written), size);
      else for (let at = 0; at < written; at++) view.setFloat64(size + 8 * at, values[at], true);
      size += 8 * written;
    },
    strings(count, value) {
      let found = 0;
      let isConstant = true;
      let most = 0;
      let last: string | undefined;
      let place = 0;
      for (let at = 0; at < count; at++) {
        const text = value(at);
        if (text === undefined) {
          if (found === at) noteGap(at, count);
          continue;
        }
        // Texts repeat, so most need no look-up.
        if (text !== last) {
          place = placeOf(last = text);
          if (place > most) most = place;
          isConstant = isConstant && (found === 0 || place === values[0]);
        }
        if (found < at) noteValue(at);
        values[found++] = place;
      }
      const layout = isConstant ? CONSTANT : most < 2 ** 8 ? 1 : most < 2 ** 16 ? 2 : 3;
      beginColumn(count, layout, found);
      const width = WIDTHS[layout];
      const written = isConstant ? Math.min(1, found) : found;
      for (let at = 0; at < written; at++, size += width) {
        if (width === 1) bytes[size] = values[at];
        else if (width === 2) view.setUint16(size, values[at], true);
        else view.setUint32(size, values[at], true);
      }
    },
  };
}

/** Reads columns one after another. Its methods throw a `RangeError` if the bytes are not such a column. */
export interface ColumnReader {
  /** Place of the next byte. */
  readonly at: number;
  /** Reads a column of numbers into `into`, from `start` on; absent ones are not written. Returns their number. */
  numbers(count: number, into: Float64Array | Uint32Array, start: number): number;
  /** Reads a column of indexes into a dictionary of `texts`; -1 for absent ones. */
  strings(count: number, texts: number): Int32Array;
}

/** Creates a reader of the bytes from `start` on. */
export function createColumnReader(bytes: Uint8Array, start: number): ColumnReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;

  /** Skips that many bytes, and returns the place of the first. */
  function take(count: number): number {
    const from = at;
    if (from + count > bytes.length) throw new RangeError("it ends in the middle of a column");
    at += count;
    return from;
  }

  /** Reads the first byte and the bits of presence. */
  function begin(count: number): { layout: number; found: number; isThere?: (at: number) => boolean } {
    const flags = bytes[take(1)];
    const presence = flags & 3;
    const layout = flags >> 2;
    if (presence > SOME || layout > 3) throw new RangeError(`a column begins with ${flags}`);
    if (presence !== SOME) return { layout, found: presence === ALL ? count : 0 };
    const bits = take(Math.ceil(count / 8));
    const isThere = (place: number) => (bytes[bits + (place >> 3)] >> (place & 7) & 1) === 1;
    let found = 0;
    for (let place = 0; place < count; place++) if (isThere(place)) found++;
    return { layout, found, isThere };
  }

  return {
    get at() {
      return at;
    },
    numbers(count, into, start) {
      const { layout, found, isThere } = begin(count);
      if (layout > RAMP) throw new RangeError(`numbers are laid out as ${layout}`);
      const isRamp = layout === RAMP && found > 0;
      const from = take(8 * (isRamp ? 2 : found));
      const first = isRamp ? view.getFloat64(from, true) : 0;
      const step = isRamp ? view.getFloat64(from + 8, true) : 0;
      if (IS_LITTLE_ENDIAN && found === count && !isRamp && into instanceof Float64Array) {
        new Uint8Array(into.buffer, into.byteOffset + 8 * start, 8 * count).set(bytes.subarray(from, from + 8 * count));
        return found;
      }
      let next = 0;
      for (let place = 0; next < found; place++) {
        if (isThere !== undefined && !isThere(place)) continue;
        into[start + place] = isRamp ? first + next * step : view.getFloat64(from + 8 * next, true);
        next++;
      }
      return found;
    },
    strings(count, texts) {
      const { layout, found, isThere } = begin(count);
      const width = WIDTHS[layout];
      const isConstant = layout === CONSTANT && found > 0;
      const from = take(width * (isConstant ? 1 : found));
      const places = new Int32Array(count);
      if (found < count) places.fill(-1);
      let next = 0;
      for (let place = 0; next < found; place++) {
        if (isThere !== undefined && !isThere(place)) continue;
        const where = isConstant ? from : from + width * next;
        const index = width === 1
          ? bytes[where]
          : width === 2
          ? view.getUint16(where, true)
          : view.getUint32(where, true);
        if (index >= texts) throw new RangeError(`text ${index} of ${texts} is meant`);
        places[place] = index;
        next++;
      }
      return places;
    },
  };
}

/**
 * Prepares a batch for one statement: each key once, in the order of the key.
 *
 * @module
 */
import { type Columns, RECEIVED_AT, type Rows, TS } from "../../records/columns.ts";
import type { Column, RecordKind } from "../../records/kind.ts";

/** The places of a batch's rows, in the order of writing. */
export interface PreparedRows {
  readonly count: number;
  /** The columns with the rows. */
  readonly parts: readonly Columns[];
  /** For each row, the index of its columns in `parts`, and its row there. */
  readonly part: Uint32Array<ArrayBuffer>;
  readonly row: Uint32Array<ArrayBuffer>;
  /** The id of each row's series. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Number of rows superseded by another of the same key. */
  readonly deduplicated: number;
}

/**
 * Sorts rows by key and keeps the newest of each key, in the order of observations that `statements.ts` describes: one
 * statement must not touch a row twice (SQLSTATE 21000), and writers that all take their row locks in one order cannot
 * deadlock.
 *
 * @param ids The id of the series of each row.
 */
export function prepareRows({ slices, count }: Rows, ids: Int32Array<ArrayBuffer>, kind: RecordKind): PreparedRows {
  const parts = slices.map(({ columns }) => columns);
  const part = new Uint32Array(count);
  const row = new Uint32Array(count);
  const times = new Float64Array(count);
  let next = 0;
  for (let at = 0; at < slices.length; at++) {
    const { columns: { cells, stride }, from, count } = slices[at];
    for (let place = from; place < from + count; place++, next++) {
      part[next] = at;
      row[next] = place;
      times[next] = cells[TS * stride + place];
    }
  }
  const compareKeys = createKeyComparison(kind, (at) => [parts[part[at]], row[at]]);
  const compare = (a: number, b: number) => times[a] - times[b] || compareKeys(a, b);
  const isInOrder = (a: number, b: number) => ids[a] < ids[b] || (ids[a] === ids[b] && compare(a, b) < 0);
  let at = 1;
  while (at < count && isInOrder(at - 1, at)) at++;
  if (at >= count) return { count, parts, part, row, ids, deduplicated: 0 };

  const compareObservations = createObservationOrder(kind, (at) => [parts[part[at]], row[at]]);
  const order = sortById(ids);
  let kept = 0;
  for (let from = 0; from < count;) {
    let to = from + 1;
    let isSorted = true;
    while (to < count && ids[order[to]] === ids[order[from]]) {
      isSorted &&= compare(order[to - 1], order[to]) < 0;
      to++;
    }
    // With thousands of series, most have one row in a batch.
    if (to === from + 1) {
      order[kept++] = order[from];
      from = to;
      continue;
    }
    const run = order.subarray(from, to);
    if (!isSorted) run.sort((a, b) => compare(a, b) || compareObservations(a, b) || a - b);
    for (let place = 0; place < run.length; place++) {
      const isSuperseded = !isSorted && place + 1 < run.length && compare(run[place], run[place + 1]) === 0;
      if (!isSuperseded) order[kept++] = run[place];
    }
    from = to;
  }
  return {
    count: kept,
    parts,
    part: pick(part, order, kept),
    row: pick(row, order, kept),
    ids: pick(ids, order, kept),
    deduplicated: count - kept,
  };
}

/** Finds a row. */
type RowAt = (at: number) => [columns: Columns, row: number];

function pick<A extends Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  values: A,
  order: Uint32Array,
  count: number,
): A {
  const picked = values.slice(0, count) as A;
  for (let at = 0; at < count; at++) picked[at] = values[order[at]];
  return picked;
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * The rows in the order of their ids, stable within an id: a radix sort, with a pass for each digit in which ids
 * differ. Ids are not negative.
 */
function sortById(ids: Int32Array): Uint32Array {
  const count = ids.length;
  let order = new Uint32Array(count);
  for (let at = 0; at < count; at++) order[at] = at;
  let differing = 0;
  for (let at = 1; at < count; at++) differing |= ids[at] ^ ids[0];
  let other = new Uint32Array(count);
  for (let shift = 0; shift < 32 && differing >>> shift !== 0; shift += DIGIT_BITS) {
    const starts = new Uint32Array(DIGITS + 1);
    for (let at = 0; at < count; at++) starts[(ids[at] >>> shift & DIGITS - 1) + 1]++;
    for (let digit = 0; digit < DIGITS; digit++) starts[digit + 1] += starts[digit];
    for (let at = 0; at < count; at++) other[starts[ids[order[at]] >>> shift & DIGITS - 1]++] = order[at];
    [order, other] = [other, order];
  }
  return order;
}

/** Compares rows of one series and time by the rest of the key: columns of text. */
function createKeyComparison({ columns, keyColumns }: RecordKind, rowAt: RowAt): (a: number, b: number) => number {
  const places = keyColumns.slice(1).map((name) => columns.find((column) => column.name === name)!.place);
  if (places.length === 0) return () => 0;
  return (a, b) => {
    const [left, leftRow] = rowAt(a);
    const [right, rightRow] = rowAt(b);
    for (const place of places) {
      const one = left.texts[place][leftRow]!;
      const other = right.texts[place][rightRow]!;
      if (one !== other) return one < other ? -1 : 1;
    }
    return 0;
  };
}

/** Compares observations of one key: plain records before revisions, and within each by time of receipt. */
function createObservationOrder({ columns, revisions }: RecordKind, rowAt: RowAt): (a: number, b: number) => number {
  const column = columns.find(({ name }) => name === revisions?.column);
  const codes = revisions?.codes.map((code) => code.charCodeAt(0));
  const rankOf = (at: number) => column !== undefined && codes!.includes(charOf(column, ...rowAt(at))) ? 1 : 0;
  const received = (at: number) => {
    const [{ cells, stride }, row] = rowAt(at);
    return cells[RECEIVED_AT * stride + row];
  };
  return (a, b) => rankOf(a) - rankOf(b) || received(a) - received(b);
}

/** The character of a column of type `char` in a row, as a byte. */
export function charOf({ place, codes, mark }: Column, { cells, stride }: Columns, row: number): number {
  const code = codes![cells[place * stride + row]];
  return mark !== undefined && code === mark.from && cells[mark.place * stride + row] === 1 ? mark.to : code;
}

/**
 * A batch made ready for one statement: no key twice, and in the order of the key.
 *
 * @module
 */
import type { MarketRecord, RecordKind } from "../../records/record.ts";

/** Records to write and the series id of each. */
export interface Rows<R extends MarketRecord = MarketRecord> {
  readonly records: readonly R[];
  readonly ids: Int32Array<ArrayBuffer>;
  /** How many records were superseded by another of the same key. */
  readonly deduplicated: number;
}

/**
 * Sorts records by key and keeps the newest of each key, in the order of observations that `statements.ts` tells: one
 * statement must not touch a row twice (SQLSTATE 21000), and writers that all take their row locks in one order cannot
 * deadlock.
 */
export function prepareRows<R extends MarketRecord>(
  records: readonly R[],
  ids: Int32Array<ArrayBuffer>,
  kind: RecordKind<R>,
): Rows<R> {
  const compareKeys = createKeyComparison(kind);
  const rank = createRank(kind);
  const compare = (a: number, b: number) =>
    ids[a] - ids[b] || compareKeys(records[a], records[b]) || rank(records[a]) - rank(records[b]) ||
    records[a].receivedAt - records[b].receivedAt || a - b;
  let sorted = true;
  for (let at = 1; at < records.length && sorted; at++) {
    sorted = ids[at - 1] < ids[at] || (ids[at - 1] === ids[at] && compareKeys(records[at - 1], records[at]) < 0);
  }
  if (sorted) return { records, ids, deduplicated: 0 };

  const order = Uint32Array.from(records.keys()).sort(compare);
  const kept: R[] = [];
  const keptIds = new Int32Array(records.length);
  for (let place = 0; place < order.length; place++) {
    const at = order[place];
    const next = order[place + 1];
    const superseded = next !== undefined && ids[at] === ids[next] && compareKeys(records[at], records[next]) === 0;
    if (superseded) continue;
    keptIds[kept.length] = ids[at];
    kept.push(records[at]);
  }
  return { records: kept, ids: keptIds.slice(0, kept.length), deduplicated: records.length - kept.length };
}

/** Compares two records of one series by the kind's key columns. */
function createKeyComparison<R extends MarketRecord>(kind: RecordKind<R>): (a: R, b: R) => number {
  const values = kind.keyColumns.map((name) => kind.columns.find((column) => column.name === name)!.value);
  return (a, b) => {
    for (const value of values) {
      const left = value(a)!;
      const right = value(b)!;
      if (left < right) return -1;
      if (left > right) return 1;
    }
    return 0;
  };
}

/** 1 for a revision, 0 for a plain record. */
function createRank<R extends MarketRecord>({ columns, revisions }: RecordKind<R>): (record: R) => number {
  if (revisions === undefined) return () => 0;
  const { value } = columns.find(({ name }) => name === revisions.column)!;
  return (record) => revisions.codes.includes(value(record) as string) ? 1 : 0;
}

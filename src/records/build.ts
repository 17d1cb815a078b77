/**
 * Converts records in memory to columns, for providers that create records one by one.
 *
 * @module
 */
import { createColumns, type OpenColumns } from "./columns.ts";
import type { Rejected } from "./frame.ts";
import type { RecordKind, RecordSource } from "./kind.ts";
import type { MarketRecord } from "./record.ts";
import type { SeriesDictionary } from "./series_dictionary.ts";

/** Rows, and unsound records. */
export interface Built {
  readonly columns: OpenColumns;
  readonly rejected: readonly Rejected[];
}

/**
 * Converts records to columns. A record whose fields have other types, which no provider should create, is rejected.
 */
export function columnsOf<R extends MarketRecord>(
  kind: RecordKind<R>,
  records: readonly R[],
  series: SeriesDictionary,
): Built {
  const columns = createColumns(kind, records.length, series);
  let rejected: Rejected[] = NONE;
  for (let at = 0; at < records.length; at++) {
    const reason = kind.add(records[at], columns);
    if (reason !== undefined) rejected = [...rejected, { reason, item: { ...records[at] } }];
  }
  return { columns, rejected };
}

const NONE: Rejected[] = [];

/**
 * The same for records without provider and time of receipt: they were received in a row, the first at `receivedAt`.
 */
export function columnsFrom<R extends MarketRecord>(
  kind: RecordKind<R>,
  records: readonly Omit<R, keyof RecordSource>[],
  series: SeriesDictionary,
  { provider, receivedAt }: RecordSource,
): Built {
  const columns = createColumns(kind, records.length, series);
  let rejected: Rejected[] = NONE;
  const source = { provider, receivedAt };
  for (let at = 0; at < records.length; at++) {
    source.receivedAt = receivedAt + at;
    const reason = kind.add(records[at], columns, source);
    if (reason !== undefined) rejected = [...rejected, { reason, item: { ...records[at], ...source } }];
  }
  return { columns, rejected };
}

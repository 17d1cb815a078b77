/**
 * Packs a batch into messages: one for each provider and shard, or several if a server would refuse it.
 *
 * @module
 */
import { TooLargeError } from "../../nats/faults.ts";
import { subjectOf } from "../../nats/subject.ts";
import { shardOf } from "../../records/shard.ts";
import { encodeFrame, MAX_MESSAGE_RECORDS } from "../../records/codec.ts";
import { type Columns, joinColumns, pickRows, RECEIVED_AT, type Rows, sliceRows } from "../../records/columns.ts";
import type { RecordKind } from "../../records/kind.ts";

/** Options of {@linkcode packMessages}. */
export interface PackOptions {
  kind: RecordKind;
  tenant: string;
  shards: number;
  /** Most bytes of a message. */
  maxBytes: number;
}

/** A message to publish. */
export interface PackedMessage {
  readonly subject: string;
  /** See `src/records/codec.ts`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Number of its records. */
  readonly count: number;
}

/**
 * Packs rows; those of one shard and provider keep their order. The same rows always give the same messages, byte for
 * byte, so that a repeated message is recognised.
 *
 * @throws {TooLargeError} If a single record is too large.
 */
export function packMessages(rows: Rows, options: PackOptions): PackedMessage[] {
  const { kind, tenant } = options;
  return distribute(rows, options.shards).flatMap(({ shard, provider, slices }) => {
    const columns = joinColumns(slices.map(({ columns, rows }) => pickRows(columns, rows)));
    return pack(columns, provider, subjectOf(tenant, kind.name, shard), options);
  });
}

/** Rows of one provider and shard, by their columns. */
interface Group {
  readonly shard: number;
  readonly provider: string;
  readonly slices: { readonly columns: Columns; readonly rows: number[] }[];
}

/** The rows of each shard, and in it of each provider, in the order of their first rows. */
function distribute({ slices }: Rows, shards: number): Group[] {
  const groups: Map<string, Group>[] = Array.from({ length: shards }, () => new Map());
  for (const { columns, from, count } of slices) {
    const byCode: Group[] = [];
    for (let row = from; row < from + count; row++) {
      const code = columns.cells[row];
      let group = byCode[code];
      if (group === undefined) {
        const { symbol, provider } = columns.series.keys[code];
        const shard = shardOf(symbol, shards);
        group = groups[shard].get(provider) ?? { shard, provider, slices: [] };
        groups[shard].set(provider, byCode[code] = group);
      }
      let part = group.slices.at(-1);
      if (part?.columns !== columns) group.slices.push(part = { columns, rows: [] });
      part.rows.push(row);
    }
  }
  return groups.flatMap((providers) => [...providers.values()]);
}

function pack(given: Columns, provider: string, subject: string, options: PackOptions): PackedMessage[] {
  const { kind, maxBytes } = options;
  // The lines of a file do not matter for storage.
  const columns = { ...given, lines: undefined };
  const { count } = columns;
  if (count <= MAX_MESSAGE_RECORDS) {
    const receivedAt = columns.cells[RECEIVED_AT * columns.stride];
    const bytes = encodeFrame({ kind: kind.name, provider, receivedAt, columns, rejected: [] }, kind);
    if (bytes.length <= maxBytes) return [{ subject, bytes, count }];
    if (count === 1) {
      throw new TooLargeError(
        `its message would have ${bytes.length} bytes, and the NATS server takes ${maxBytes}: raise max_payload there`,
      );
    }
  }
  const middle = count >> 1;
  return [
    ...pack(sliceRows(columns, 0, middle), provider, subject, options),
    ...pack(sliceRows(columns, middle, count - middle), provider, subject, options),
  ];
}

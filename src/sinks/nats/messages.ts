/**
 * A batch as messages: one for each provider and shard, smaller ones where a server would not take it.
 *
 * @module
 */
import { TooLargeError } from "../../nats/faults.ts";
import { subjectOf } from "../../nats/subject.ts";
import { shardOf } from "../../records/shard.ts";
import { encodeFrame, MAX_MESSAGE_RECORDS } from "../../records/codec.ts";
import type { MarketRecord, RecordKind } from "../../records/record.ts";

/** Options of {@linkcode packMessages}. */
export interface PackOptions {
  kind: RecordKind<MarketRecord>;
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
  /** How many records it holds. */
  readonly count: number;
}

/**
 * Packs records; those of one shard and provider keep their order. The same records always give the same messages, byte
 * for byte, so that one that is sent twice can be recognised.
 *
 * @throws {TooLargeError} If a record alone is too large.
 */
export function packMessages(records: readonly MarketRecord[], options: PackOptions): PackedMessage[] {
  const { kind, tenant, shards } = options;
  const messages: PackedMessage[] = [];
  for (const [shard, group] of spread(records, shards).entries()) {
    if (group.length === 0) continue;
    const subject = subjectOf(tenant, kind.name, shard);
    for (const some of ofOneProvider(group)) messages.push(...pack(some, subject, options));
  }
  return messages;
}

function spread(records: readonly MarketRecord[], shards: number): MarketRecord[][] {
  const groups: MarketRecord[][] = Array.from({ length: shards }, () => []);
  for (const record of records) groups[shardOf(record.symbol, shards)].push(record);
  return groups;
}

/** Most batches are of one provider, and need no grouping. */
function ofOneProvider(records: readonly MarketRecord[]): Iterable<readonly MarketRecord[]> {
  const { provider } = records[0];
  return records.every((record) => record.provider === provider)
    ? [records]
    : Map.groupBy(records, (record) => record.provider).values();
}

function pack(records: readonly MarketRecord[], subject: string, options: PackOptions): PackedMessage[] {
  const { kind, maxBytes } = options;
  const count = records.length;
  if (count <= MAX_MESSAGE_RECORDS) {
    const { provider, receivedAt } = records[0];
    const bytes = encodeFrame({ kind: kind.name, provider, receivedAt, records, rejected: [] }, kind);
    if (bytes.length <= maxBytes) return [{ subject, bytes, count }];
    if (count === 1) {
      throw new TooLargeError(
        `its message would have ${bytes.length} bytes, and the NATS server takes ${maxBytes}: raise max_payload there`,
      );
    }
  }
  const middle = count >> 1;
  return [...pack(records.slice(0, middle), subject, options), ...pack(records.slice(middle), subject, options)];
}

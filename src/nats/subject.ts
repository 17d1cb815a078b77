/**
 * The subjects of messages: `barline.TENANT.KIND.SHARD`.
 *
 * @module
 */

/** What the stream captures. */
export const STREAM_SUBJECT = "barline.>";

/** The subject of records of a kind whose symbols fall to a shard. */
export function subjectOf(tenant: string, kind: string, shard: number): string {
  return `barline.${tenant}.${kind}.${shard}`;
}

/** What matches the subjects of all shards. */
export function subjectsOf(tenant: string, kind: string): string {
  return `barline.${tenant}.${kind}.*`;
}

/** The shard of a symbol: its FNV-1a hash, modulo the number of shards. The same in every process. */
export function shardOf(symbol: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < symbol.length; at++) hash = Math.imul(hash ^ symbol.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % shards;
}

/**
 * Shards: symbols are distributed over a fixed number of them.
 *
 * @module
 */

/**
 * The shard of a symbol, from 0 on: its FNV-1a hash over UTF-16 code units, with the finalizer of MurmurHash3, since
 * the low bits of FNV-1a depend mostly on the letters; modulo the number of shards. The same in every process and
 * version. It depends on the symbol alone: all records of a symbol stay together, from any provider and at any
 * timeframe.
 */
export function shardOf(symbol: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < symbol.length; at++) hash = Math.imul(hash ^ symbol.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return ((hash ^ hash >>> 16) >>> 0) % shards;
}

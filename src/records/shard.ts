/**
 * Shards: symbols are spread over a fixed number of them.
 *
 * @module
 */

/**
 * The shard of a symbol, from 0 on: its FNV-1a hash over UTF-16 code units, modulo the number of shards. The same in every
 * process and version. Of the symbol alone: all that is known of one stays together, whoever delivers it at which timeframe.
 */
export function shardOf(symbol: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < symbol.length; at++) hash = Math.imul(hash ^ symbol.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % shards;
}

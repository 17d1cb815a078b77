/**
 * Limits of requests from one address: a bucket of tokens each.
 *
 * @module
 */

/** The allowed rate. */
export interface Limit {
  readonly perSecond: number;
  /** Most requests at once, after a pause. */
  readonly burst: number;
}

/** Counts requests of addresses. */
export interface RateLimiter {
  /** Takes a token of the address; returns the seconds to wait for one, 0 if there was one. */
  take(address: string, nowMs?: number): number;
  /** Seconds to wait, without taking a token. */
  wait(address: string, nowMs?: number): number;
}

/** Most addresses to remember: beyond that the one with the oldest request is dropped, and starts again. */
const MAX_ADDRESSES = 10_000;

/** Creates a limiter. Addresses of one IPv6 network (/64) count as one. */
export function createRateLimiter({ perSecond, burst }: Limit): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>();

  function refill(address: string, nowMs: number): { tokens: number; at: number } {
    const name = network(address);
    const bucket = buckets.get(name) ?? { tokens: burst, at: nowMs };
    buckets.delete(name);
    bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.at) / 1000 * perSecond);
    bucket.at = nowMs;
    // Moved to the end, so that the first is the longest unused.
    buckets.set(name, bucket);
    if (buckets.size > MAX_ADDRESSES) buckets.delete(buckets.keys().next().value!);
    return bucket;
  }

  const wait = (address: string, nowMs = Date.now()) => {
    const { tokens } = refill(address, nowMs);
    return tokens >= 1 ? 0 : (1 - tokens) / perSecond;
  };
  return {
    wait,
    take(address, nowMs = Date.now()) {
      const seconds = wait(address, nowMs);
      if (seconds === 0) refill(address, nowMs).tokens--;
      return seconds;
    },
  };
}

/** The address, or the network of an IPv6 host. */
function network(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [head, tail] = address.split("::");
  const groups = head.split(":").filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").filter(Boolean).length;
  return [...groups, ...Array(Math.max(0, missing)).fill("0")].slice(0, 4).join(":");
}

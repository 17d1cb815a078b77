/**
 * Quantiles of latencies in constant memory.
 *
 * @module
 */

/** Buckets to each doubling: quantiles are right to 1/32. */
const STEPS = 32;
/** Resolution of the lowest latencies, in milliseconds. */
const LEAST_MS = 0.01;
const BUCKETS = STEPS * 32;

/** A distribution of latencies. */
export interface LatencyDistribution {
  /** Adds `count` observations of one latency, in milliseconds. */
  add(ms: number, count: number): void;
  /** The latency below which the part `p` (0 to 1) of all observations lies, in milliseconds; 0 without observations. */
  quantile(p: number): number;
  /** Forgets all observations. */
  clear(): void;
}

/** Makes an empty distribution: buckets that grow with the logarithm, as in HDR histograms. */
export function createLatencyDistribution(): LatencyDistribution {
  const counts = new Float64Array(BUCKETS);
  let total = 0;
  return {
    add(ms, count) {
      const bucket = Math.floor(Math.log2(Math.max(ms, LEAST_MS) / LEAST_MS) * STEPS);
      counts[Math.min(bucket, BUCKETS - 1)] += count;
      total += count;
    },
    quantile(p) {
      if (total === 0) return 0;
      let left = p * total;
      const bucket = counts.findIndex((count) => (left -= count) <= 0);
      // The middle of the bucket, by its logarithm.
      return LEAST_MS * 2 ** ((bucket + 0.5) / STEPS);
    },
    clear() {
      counts.fill(0);
      total = 0;
    },
  };
}

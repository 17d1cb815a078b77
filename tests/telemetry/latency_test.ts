import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createLatencyDistribution } from "../../src/telemetry/latency.ts";

Deno.test("an empty distribution has quantiles of 0", () => {
  const latency = createLatencyDistribution();
  assertEquals([latency.quantile(0.5), latency.quantile(0.99), latency.quantile(1)], [0, 0, 0]);
});

Deno.test("a quantile is right to 1/32, over any latencies", () => {
  const latencies = fc.array(fc.double({ min: 0.01, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(latencies, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (all, p) => {
    const distribution = createLatencyDistribution();
    for (const ms of all) distribution.add(ms, 1);
    const exact = all.toSorted((a, b) => a - b)[Math.ceil(p * all.length) - 1];
    assertAlmostEquals(distribution.quantile(p), exact, exact / 32);
  }));
});

Deno.test("observations count as often as given", () => {
  const distribution = createLatencyDistribution();
  distribution.add(1, 98);
  distribution.add(100, 2);
  assertAlmostEquals(distribution.quantile(0.5), 1, 1 / 32);
  assertAlmostEquals(distribution.quantile(0.98), 1, 1 / 32);
  assertAlmostEquals(distribution.quantile(0.99), 100, 100 / 32);
});

Deno.test("quantiles never fall as their part grows", () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1e5, noNaN: true }), { minLength: 1 }), (all) => {
    const distribution = createLatencyDistribution();
    for (const ms of all) distribution.add(ms, 1);
    let last = 0;
    for (let p = 0; p <= 1; p += 0.05) {
      const quantile = distribution.quantile(p);
      assert(quantile >= last);
      last = quantile;
    }
  }));
});

Deno.test("latencies outside the range count in the nearest bucket", () => {
  for (const [ms, least, most] of [[-5, 0, 0.011], [0, 0, 0.011], [1e12, 1e7, Infinity], [Infinity, 1e7, Infinity]]) {
    const distribution = createLatencyDistribution();
    distribution.add(ms, 1);
    const median = distribution.quantile(0.5);
    assert(median >= least && median <= most, `${ms} ms counts as ${median}`);
  }
});

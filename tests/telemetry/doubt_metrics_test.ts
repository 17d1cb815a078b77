import { assertEquals } from "@std/assert";
import { Registry } from "@platformatic/prom-client";
import { registerDoubtMetrics } from "../../src/telemetry/doubt_metrics.ts";

const valuesOf = async (registry: Registry, name: string) =>
  Object.fromEntries(
    (await registry.getSingleMetric(name)!.get()).values.map(({ labels, value }) => [
      Object.values(labels).join(" "),
      value,
    ]),
  );

Deno.test("reasons of doubts that are gone go to 0, and the others stay", async () => {
  const registry = new Registry();
  const listen = registerDoubtMetrics([registry]);
  const minutes = () => valuesOf(registry, "barline_series_doubt_minutes");
  const doubts = { type: "doubts", provider: "kraken", delayMs: 0 } as const;
  listen({ ...doubts, minutes: { hole: 3, lag: 1 }, series: 2 });
  assertEquals(await minutes(), { "kraken hole": 3, "kraken lag": 1 });
  listen({ ...doubts, minutes: { lag: 2 }, series: 1 });
  assertEquals(await minutes(), { "kraken hole": 0, "kraken lag": 2 });
});

Deno.test("the age of the oldest doubt grows from scrape to scrape, and is 0 without one", async () => {
  const registry = new Registry();
  const listen = registerDoubtMetrics([registry]);
  const since = Date.now() - 600_000;
  listen({ type: "feed-state", provider: "alpaca", state: "live" });
  listen({ type: "doubts", provider: "kraken", minutes: { hole: 3 }, series: 1, since, delayMs: 900_000 });
  const { kraken, alpaca } = await valuesOf(registry, "barline_series_doubt_oldest_seconds");
  assertEquals([kraken >= 600 && kraken < 660, alpaca], [true, 0], `${kraken} s`);
  assertEquals(await valuesOf(registry, "barline_busy_series_doubt_oldest_seconds"), { kraken: 0, alpaca: 0 });
  assertEquals(await valuesOf(registry, "barline_provider_delay_seconds"), { kraken: 900, alpaca: 0 });
});

Deno.test("bars in doubt are counted by what history said, from 0 on", async () => {
  const registry = new Registry();
  const listen = registerDoubtMetrics([registry]);
  listen({ type: "feed-state", provider: "kraken", state: "connecting" });
  listen({ type: "gap-bars", provider: "kraken", outcome: "got", bars: 8 });
  listen({ type: "gap-bars", provider: "kraken", outcome: "none", bars: 2 });
  listen({ type: "feed-state", provider: "kraken", state: "live" });
  assertEquals(await valuesOf(registry, "barline_gap_bars_total"), {
    "kraken got": 8,
    "kraken none": 2,
    "kraken lost": 0,
  });
});

import { assertEquals } from "@std/assert";
import { createSources } from "../../src/app/sources.ts";
import { reportHealth } from "../../src/http/health.ts";
import type { Provider } from "../../src/providers/provider.ts";

/** Sources of one provider that is not opened. */
function createSourcesOf(name: string) {
  const provider: Provider = { name, open: () => new ReadableStream() };
  return createSources([provider], {
    isJournaled: () => false,
    lateness: { split: (frame) => ({ live: frame }) },
    context: () => {
      throw new Error("No provider is opened here");
    },
    stopping: new AbortController().signal,
    emit: () => {},
  });
}

Deno.test("health shows the doubts of a provider and the skew of its clock, and leaves it healthy", () => {
  const sources = createSourcesOf("kraken");
  const report = () => {
    const health = { coordinators: [], providers: sources.health(), stopping: false };
    const { components } = reportHealth(health, { name: "postgres", error: undefined }, "1");
    return JSON.parse(JSON.stringify(components.find(({ name }) => name === "provider:kraken")));
  };
  const since = Date.UTC(2024, 0, 3, 18, 30);
  const minutes = { hole: 3, lag: 1 };
  sources.listen({ type: "doubts", provider: "kraken", minutes, series: 2, since, delayMs: 0 });
  sources.listen({ type: "clock-skew", provider: "kraken", skewMs: -2500 });
  assertEquals(report(), {
    name: "provider:kraken",
    state: "healthy",
    details: { state: "up", doubts: { minutes, series: 2, since: "2024-01-03T18:30:00.000Z" }, clockSkewSeconds: -2.5 },
  });
  sources.listen({ type: "doubts", provider: "kraken", minutes: {}, series: 0, delayMs: 0 });
  assertEquals(report().details, { state: "up", clockSkewSeconds: -2.5 });
});

/**
 * The page that Prometheus reads, of several registries that have the same metrics under different labels.
 *
 * @module
 */
import { Registry } from "@platformatic/prom-client";

/** Renders the page: each metric once, with the series of all registries. */
export async function renderMetrics(registries: readonly Registry[]): Promise<{ body: string; contentType: string }> {
  /** Help and type of each metric, and its series. */
  const metrics = new Map<string, string[]>();
  for (const registry of registries) {
    for (const block of (await registry.metrics()).trimEnd().split("\n\n")) {
      const [help, type, ...series] = block.split("\n");
      const lines = metrics.get(help);
      if (lines === undefined) metrics.set(help, [help, type, ...series]);
      else for (const line of series) lines.push(line);
    }
  }
  const body = Array.from(metrics.values(), (lines) => `${lines.join("\n")}\n`).join("\n");
  return { body, contentType: Registry.PROMETHEUS_CONTENT_TYPE };
}

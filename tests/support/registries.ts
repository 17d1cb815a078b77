/**
 * The metrics of a run that has everything, with their types and labels.
 *
 * @module
 */
import { createLedger } from "../../src/pipeline/ledger.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { renderMetrics } from "../../src/telemetry/exposition.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createProcessMetrics } from "../../src/telemetry/process.ts";
import { createStoreMetrics } from "../../src/telemetry/store_metrics.ts";

/** A metric as the registry declares it. */
export interface DeclaredMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** In the order of the alphabet, but for `tenant`. */
  readonly labels: readonly string[];
  /** Whether it is of the process, and hence of no tenant. */
  readonly isOfProcess: boolean;
}

/** All metrics, in the order of the registry. */
export async function readMetrics(): Promise<DeclaredMetric[]> {
  const { registry } = createMetrics({
    tenant: "default",
    health: () => ({ coordinators: [], providers: [], stopping: false }),
    ledger: createLedger().read,
    deadLettersWaiting: () => Promise.resolve(0),
    kinds: Object.keys(recordKinds),
    sink: "postgres",
    workers: 1,
    providers: ["mock"],
    markets: () => new Map(),
    journalMaxBytes: 1,
    shards: 2,
  });
  const ofProcess = [createProcessMetrics(1), createStoreMetrics({ name: "postgres" })];
  const { body } = await renderMetrics([registry, ...ofProcess]);
  const types = new Map(Array.from(body.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name, type]) => [name, type]));
  // The registry's own list of metrics has the labels, also of those that have no series yet.
  return [registry, ...ofProcess].flatMap((each) =>
    (each.getMetricsAsArray() as unknown as { name: string; help: string; labelNames?: string[] }[]).map((metric) => ({
      name: metric.name,
      help: metric.help,
      type: types.get(metric.name)!,
      labels: [...metric.labelNames ?? []].sort(),
      isOfProcess: each !== registry,
    }))
  );
}

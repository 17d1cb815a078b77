/**
 * The metric of the store.
 *
 * @module
 */
import { Gauge, Registry } from "@platformatic/prom-client";

/** The store in a metric. */
interface StoreInfo {
  /** Name of its sink. */
  readonly name: string;
  /** The schema of the tables, once it is known. */
  schema?(): string | undefined;
}

/** Makes the metric, for the labels. */
export function createStoreMetrics(store: StoreInfo): Registry {
  const registry = new Registry();
  new Gauge({
    name: "barline_store_info",
    help: "1; the labels say where records go. The schema is empty until it is known, and for a stream.",
    labelNames: ["sink", "schema"],
    registers: [registry],
    collect() {
      this.reset();
      this.set({ sink: store.name, schema: store.schema?.() ?? "" }, 1);
    },
  });
  return registry;
}

/**
 * The queue, lanes and circuit of each kind of records.
 *
 * @module
 */
import type { Settings } from "../config/options.ts";
import type { Listener } from "../events.ts";
import { createBatcher } from "../pipeline/batch.ts";
import { createCircuit } from "../pipeline/circuit.ts";
import type { DeliverOptions } from "../pipeline/deliver.ts";
import type { CoordinatorHealth } from "../pipeline/health.ts";
import type { Coordinator } from "../pipeline/run.ts";
import { recordKind } from "../records/mod.ts";
import type { Store } from "./store.ts";

/** Options of {@linkcode openCoordinators}. */
export interface CoordinatorsOptions extends Pick<DeliverOptions, "bury" | "keep" | "abort" | "onFatal"> {
  settings: Settings;
  store: Store;
  /** Names of the kinds. */
  kinds: readonly string[];
  tell: Listener;
  /** Disposes of what is opened. */
  opened: AsyncDisposableStack;
}

/** Sets up a coordinator for each kind: one whose table is slow or broken does not hold up the others. */
export function openCoordinators(options: CoordinatorsOptions): Map<string, Coordinator> {
  const { settings, store, tell, opened, bury, keep, abort, onFatal } = options;
  return new Map(options.kinds.map((name) => {
    const kind = recordKind(name);
    const sink = opened.use(store.openSink(kind));
    const circuit = opened.use(createCircuit({
      failures: settings.circuitFailures,
      openMs: settings.circuitOpenMs,
      isFailure: (error) => sink.classify(error) === "transient",
      onChange: (state, failures, error) => tell({ type: "circuit", kind: name, state, failures, error }),
    }));
    return [name, {
      batcher: createBatcher({
        kind: name,
        capacity: settings.capacity,
        maxRecords: settings.batchSize,
        lingerMs: settings.lingerMs,
        tell,
      }),
      workers: Math.min(settings.workers, sink.maxLanes),
      delivery: { kind, sink, circuit, retryAttempts: settings.retryAttempts, bury, keep, tell, abort, onFatal },
    }];
  }));
}

/** How the coordinators are. */
export function readCoordinators(
  coordinators: ReadonlyMap<string, Coordinator>,
  capacity: number,
): CoordinatorHealth[] {
  return Array.from(coordinators, ([kind, { batcher, workers, delivery: { circuit } }]) => ({
    kind,
    workers,
    workersAlive: batcher.isClosed ? 0 : workers,
    queue: { size: batcher.depth, capacity },
    circuit: circuit.state,
    probeAt: circuit.probeAt === undefined ? undefined : circuit.probeAt / 1000,
  }));
}

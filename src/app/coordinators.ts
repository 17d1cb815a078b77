/**
 * The queue, lanes and circuit of each kind of records.
 *
 * @module
 */
import type { Settings } from "../config/options.ts";
import type { LoadBook } from "../database/load_book.ts";
import type { CircuitState, Listener } from "../events.ts";
import { createBatcher } from "../pipeline/batch.ts";
import { createCircuit } from "../pipeline/circuit.ts";
import type { DeliverOptions } from "../pipeline/deliver.ts";
import type { CoordinatorHealth } from "../pipeline/health.ts";
import type { Lateness } from "../pipeline/late.ts";
import { createOrder } from "../pipeline/order.ts";
import type { Coordinator } from "../pipeline/run.ts";
import { recordKind } from "../records/mod.ts";
import { isOneSource, type Writers } from "../sinks/sink.ts";
import type { Store } from "./store.ts";

/** Most records of a late batch: small, so that its locks are short. */
const LATE_BATCH = 1000;

/**
 * Time between two attempts while the sink refuses everything, in milliseconds: an operator has to correct the set-up.
 */
const FATAL_COOLDOWN_MS = 60_000;

/**
 * Shortest linger of files that are loaded, in milliseconds. Their latency does not matter, and full batches cost
 * less: with 2 ms, 500,000 rows made 174 batches in place of 110, and each row cost 0.2 µs more here and as much in the server.
 */
const FILES_LINGER_MS = 50;

/** Options of {@linkcode openCoordinators}. */
export interface CoordinatorsOptions extends Pick<DeliverOptions, "deadLetter" | "abort" | "onFatal"> {
  /** Aborts at a stop: from then on no batch waits for the set-up to be corrected. */
  stopping: AbortSignal;
  settings: Settings;
  store: Store;
  /** Names of the kinds. */
  kinds: readonly string[];
  lateness: Lateness;
  /** The writers of the series. */
  writers: Writers;
  /** Whether records come from files alone. */
  onlyFiles: boolean;
  /** The loads whose records are written. */
  loads?: LoadBook;
  emit: Listener;
  /** Keeps frames of a kind in its journal; `undefined` if it has no journal. */
  spool: (kind: string) => DeliverOptions["spool"];
  /** Disposes of the sinks and circuits. */
  opened: AsyncDisposableStack;
}

/** Sets up a coordinator for each kind, so that a slow or broken table does not block other kinds. */
export function openCoordinators(options: CoordinatorsOptions): Map<string, Coordinator> {
  const { settings, store, lateness, emit, opened, deadLetter, stopping, abort, onFatal } = options;
  return new Map(options.kinds.map((name) => {
    const kind = recordKind(name);
    const sink = opened.use(store.openSink(settings.tenant, kind, options.writers, options.loads));
    const spool = options.spool(name);
    const isFatal = (error: unknown) => sink.classify(error) === "fatal";
    const circuit = opened.use(createCircuit({
      failures: settings.circuitFailures,
      cooldownMs: (error) => isFatal(error) ? FATAL_COOLDOWN_MS : settings.circuitOpenMs,
      isFailure: (error) => sink.classify(error) === "transient" || spool !== undefined && isFatal(error),
      onChange(state: CircuitState, failures: number, error?: unknown) {
        const fault = error === undefined ? undefined : sink.classify(error);
        emit({ type: "circuit", kind: name, state, failures, error, fault });
      },
    }));
    const workers = Math.min(settings.workers, sink.maxLanes);
    return [name, {
      batcher: createBatcher({
        kind: name,
        capacity: settings.capacity,
        maxRecords: settings.batchSize,
        lingerMs: options.onlyFiles ? Math.max(settings.lingerMs, FILES_LINGER_MS) : settings.lingerMs,
        emit,
      }),
      workers,
      order: isOneSource(options.writers) && workers > 1 ? createOrder() : undefined,
      delivery: {
        kind,
        sink,
        circuit,
        retryAttempts: settings.retryAttempts,
        deadLetter,
        spool,
        mayWait: () => spool !== undefined && !stopping.aborted,
        emit,
        abort,
        onFatal,
      },
      late: kind.overAt === undefined || sink.maxLanes <= workers ? undefined : {
        lateness,
        batcher: createBatcher({
          kind: name,
          // Each source has a credit for late records, so that none has to wait here.
          capacity: Infinity,
          maxRecords: Math.min(settings.batchSize, LATE_BATCH),
          lingerMs: settings.lingerMs,
          // A full late queue must not slow down live records.
          emit: () => {},
        }),
      },
    }];
  }));
}

/** Reads the health of the coordinators. */
export function readCoordinators(
  coordinators: ReadonlyMap<string, Coordinator>,
  capacity: number,
): CoordinatorHealth[] {
  return Array.from(coordinators, ([kind, { batcher, workers, delivery: { circuit }, late }]) => ({
    kind,
    workers,
    workersAlive: batcher.isClosed ? 0 : workers,
    queue: { size: batcher.depth, capacity },
    late: late?.batcher.depth ?? 0,
    circuit: circuit.state,
    probeAt: circuit.probeAt === undefined ? undefined : circuit.probeAt / 1000,
  }));
}

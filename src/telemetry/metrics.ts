/**
 * Metrics for Prometheus: the events of the pipeline, counted.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "@platformatic/prom-client";
import { type DeadLetterCause, type Listener, on } from "../events.ts";
import type { Health } from "../pipeline/health.ts";
import type { Ledger } from "../pipeline/ledger.ts";
import { registerFeedMetrics } from "./feed_metrics.ts";
import { registerClusterMetrics } from "./cluster_metrics.ts";
import { registerJournalMetrics } from "./journal_metrics.ts";
import { type Markets, registerMarketMetrics } from "./market_metrics.ts";
import { registerFailoverMetrics } from "./failover_metrics.ts";
import { registerQuorumMetrics } from "./quorum_metrics.ts";
import { registerStreamMetrics } from "./stream_metrics.ts";

/** Values read at each scrape. */
export interface MetricSources {
  readonly tenant: string;
  readonly health: () => Health;
  readonly ledger: () => Ledger;
  /** Number of dead letters on disk. */
  readonly deadLettersWaiting: () => Promise<number>;
  /** Kinds of records, each with a coordinator. */
  readonly kinds: readonly string[];
  readonly sink: string;
  readonly workers: number;
  readonly providers: readonly string[];
  readonly markets: Markets;
  readonly journalMaxBytes: number;
  /** Number of shards, if this instance is one of several. */
  readonly shards?: number;
}

/** The metrics of a tenant. */
export interface Metrics {
  readonly listen: Listener;
  /** The metrics, each with the label `tenant`. */
  readonly registry: Registry;
}

/** Value of the circuit gauge for each state. */
const CIRCUIT_VALUES = { closed: 0, open: 1, "half-open": 2 };
const CAUSES: readonly DeadLetterCause[] = ["invalid", "refused", "fatal", "aborted"];
const FAULTS = ["transient", "poison", "fatal"] as const;
/** Upper bounds in seconds: 1 ms to 1 min. */
const BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];

/** Creates the metrics; every series starts at 0. Input cannot add values to a label. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ tenant: sources.tenant });
  const registers = [registry];
  const { kinds, sink, workers, providers } = sources;

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = (
    name: string,
    help: string,
    labelNames: "coord_id"[],
    read: (health: Health, gauge: Gauge<"coord_id">) => void,
  ) =>
    new Gauge<"coord_id">({
      name,
      help,
      labelNames,
      registers,
      collect() {
        read(sources.health(), this);
      },
    });

  const submitted = counter("mds_coord_items_submitted_total", "Records that entered the coordinator.", ["coord_id"]);
  const dropped = counter("mds_coord_items_dropped_total", "Records given to the dead letters, by reason.", [
    "coord_id",
    "reason",
  ]);
  const batches = counter("mds_worker_batches_written_total", "Batches committed.", ["coord_id", "worker_id"]);
  const errors = counter("mds_worker_write_errors_total", "Writes that failed, by the meaning of the error.", [
    "coord_id",
    "worker_id",
    "error_type",
  ]);
  const workerLatency = new Histogram({
    name: "mds_worker_write_latency_seconds",
    help: "Time of a batch from its first write to its commit, retries included.",
    labelNames: ["coord_id", "worker_id"],
    buckets: BUCKETS,
    registers,
  });
  const sinkWrites = counter("sink_writes_total", "Batches that the sink was given, by outcome.", ["sink", "status"]);
  const sinkLatency = new Histogram({
    name: "sink_write_latency_seconds",
    help: "Time of a batch from its first write to its commit, retries included.",
    labelNames: ["sink"],
    buckets: BUCKETS,
    registers,
  });
  const commitLatency = new Histogram({
    name: "barline_receive_to_commit_seconds",
    help: "Time of a record from its receipt to its commit.",
    labelNames: ["coord_id"],
    buckets: BUCKETS,
    registers,
  });
  const lastCommit = new Gauge({
    name: "barline_last_commit_timestamp_seconds",
    help: "When a record of the provider was last committed, in seconds since 1970; 0 before the first.",
    labelNames: ["provider"],
    registers,
  });

  gauge("mds_coord_queue_depth", "Records that wait in the queue.", ["coord_id"], ({ coordinators }, metric) => {
    for (const { kind, queue } of coordinators) metric.set({ coord_id: kind }, queue.size);
  });
  gauge(
    "barline_late_queue_depth",
    "Late records that wait in a queue of their own.",
    ["coord_id"],
    (health, metric) => {
      for (const { kind, late } of health.coordinators) metric.set({ coord_id: kind }, late);
    },
  );
  gauge("mds_coord_workers_alive", "Lanes that take batches.", ["coord_id"], ({ coordinators }, metric) => {
    for (const { kind, workersAlive } of coordinators) metric.set({ coord_id: kind }, workersAlive);
  });
  gauge(
    "mds_coord_circuit_state",
    "0 closed, 1 open, 2 half-open.",
    ["coord_id"],
    ({ coordinators }, metric) => {
      for (const { kind, circuit } of coordinators) metric.set({ coord_id: kind }, CIRCUIT_VALUES[circuit]);
    },
  );
  registerLedger(registers, sources.ledger);
  new Gauge({
    name: "barline_dead_letters_waiting",
    help: "Dead letters on disk, to be replayed or purged.",
    registers,
    async collect() {
      this.set(await sources.deadLettersWaiting());
    },
  });
  const feedback = counter(
    "barline_feedback_total",
    "Changes of backpressure for the webhook: sent, failed or dropped.",
    [
      "outcome",
    ],
  );
  const listeners: Listener[] = [
    registerFeedMetrics(registers),
    registerMarketMetrics(registers, sources.markets),
    registerJournalMetrics(registers, () => sources.health().journal, sources.journalMaxBytes),
    registerFailoverMetrics(registers),
    registerQuorumMetrics(registers),
    registerStreamMetrics(registers, kinds),
    registerClusterMetrics(registers, sources.shards ?? 0),
  ];

  for (const coord_id of kinds) {
    submitted.inc({ coord_id }, 0);
    for (const reason of CAUSES) dropped.inc({ coord_id, reason }, 0);
    commitLatency.zero({ coord_id });
    for (let worker = 0; worker < workers; worker++) {
      const worker_id = String(worker);
      batches.inc({ coord_id, worker_id }, 0);
      workerLatency.zero({ coord_id, worker_id });
      for (const error_type of FAULTS) errors.inc({ coord_id, worker_id, error_type }, 0);
    }
  }
  for (const outcome of ["sent", "failed", "dropped"]) feedback.inc({ outcome }, 0);
  for (const status of ["success", "error"]) sinkWrites.inc({ sink, status }, 0);
  sinkLatency.zero({ sink });
  for (const provider of providers) lastCommit.set({ provider }, 0);

  listeners.push(on({
    "accepted": ({ kind, count }) => submitted.inc({ coord_id: kind }, count),
    "replayed": ({ kind, count, isRecovered }) => isRecovered && submitted.inc({ coord_id: kind }, count),
    "batch-written"({ kind, worker, seconds }) {
      const labels = { coord_id: kind, worker_id: String(worker) };
      batches.inc(labels);
      workerLatency.observe(labels, seconds);
      sinkWrites.inc({ sink, status: "success" });
      sinkLatency.observe({ sink }, seconds);
    },
    "write-failed"({ kind, worker, fault }) {
      errors.inc({ coord_id: kind, worker_id: String(worker), error_type: fault });
      sinkWrites.inc({ sink, status: "error" });
    },
    "committed"({ kind, provider, receivedAt }) {
      const seconds = Math.max(0, Date.now() / 1000 - receivedAt / 1e6);
      // One observation a frame: its records share their receipt and their commit.
      commitLatency.observe({ coord_id: kind }, seconds);
      lastCommit.set({ provider }, Date.now() / 1000);
    },
    "feedback": ({ outcome }) => feedback.inc({ outcome }),
    "dead-lettered": ({ kind, cause, count }) => dropped.inc({ coord_id: kind, reason: cause }, count),
  }));
  return {
    listen(event) {
      for (const listen of listeners) listen(event);
    },
    registry,
  };
}

/** The ledger's terms: counters for terms that only grow, gauges for waiting records. */
function registerLedger(registers: Registry[], read: () => Ledger): void {
  const counters: [keyof Ledger, string, string][] = [
    ["received", "received", "Records accepted from providers."],
    ["stored", "stored", "Records written, new or changed."],
    ["inserted", "inserted", "Records written that are new; 0 where the database does not report it."],
    [
      "updated",
      "updated",
      "Records written that were there with other values; 0 where the database does not report it.",
    ],
    ["unchanged", "unchanged", "Records already there with the same values, or with newer ones."],
    ["deduplicated", "deduplicated", "Records superseded by another of the same key in their batch."],
    ["swallowed", "swallowed", "Records that a trigger of the database took without an error."],
    ["deadLettered", "dead_lettered", "Records given to the dead letters."],
  ];
  for (const [term, name, help] of counters) {
    new Counter({
      name: `barline_records_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read()[term] ?? 0);
      },
    });
  }
  const gauges: [keyof Ledger, string, string][] = [
    ["journaled", "journaled", "Records waiting in the journal."],
    ["inFlight", "in_flight", "Records accepted and not yet settled."],
  ];
  for (const [term, name, help] of gauges) {
    new Gauge({
      name: `barline_records_${name}`,
      help,
      registers,
      collect() {
        this.set(read()[term] ?? 0);
      },
    });
  }
}

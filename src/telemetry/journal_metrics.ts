/**
 * Metrics of the journal.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type Registry } from "@platformatic/prom-client";
import { type Listener, on } from "../events.ts";
import type { JournalHealth } from "../pipeline/health.ts";

/** Upper bounds in seconds: a fast disk to one that fails. */
const BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30];

/** Registers the metrics, which are 0 where there is no journal, and returns the listener that keeps them. */
export function registerJournalMetrics(
  registers: Registry[],
  read: () => JournalHealth | undefined,
  maxBytes: number,
): Listener {
  const gauge = (name: string, help: string, value: (journal: JournalHealth) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const journal = read();
        this.set(journal === undefined ? 0 : value(journal));
      },
    });
  gauge("barline_journal_bytes", "Size of the journal on disk.", ({ bytes }) => bytes);
  gauge("barline_journal_max_bytes", "Size that the journal may have.", () => maxBytes);
  gauge("barline_journal_frames", "Frames on disk that are not settled.", ({ frames }) => frames);
  gauge(
    "barline_journal_oldest_age_seconds",
    "Age of the oldest frame on disk that is not settled.",
    ({ oldestAgeSeconds }) => oldestAgeSeconds,
  );
  gauge(
    "barline_journal_refusing",
    "1 while the journal takes no records, as it or its disk is full or cannot be written to.",
    ({ problem }) => problem === undefined ? 0 : 1,
  );
  const refusals = new Counter({
    name: "barline_journal_refusals_total",
    help: "Times that the journal began to take no records.",
    registers,
  });
  new Counter({
    name: "barline_journal_cut_total",
    help: "Frames cut, set aside or found missing at the start.",
    registers,
    collect() {
      this.reset();
      this.inc(read()?.cut ?? 0);
    },
  });
  const synced = new Histogram({
    name: "barline_journal_sync_seconds",
    help: "Time of an appending with its sync.",
    buckets: BUCKETS,
    registers,
  });
  const replayed = new Counter({
    name: "barline_journal_replayed_total",
    help: "Records read back from disk.",
    registers,
  });
  const dropped = new Counter({
    name: "barline_journal_dropped_total",
    help: "Records on disk that were given up.",
    registers,
  });
  return on({
    "journal-synced": ({ seconds }) => synced.observe(seconds),
    "journal-problem": ({ reason }) => reason !== undefined && refusals.inc(),
    "replayed": ({ count }) => replayed.inc(count),
    "journal-dropped": ({ count }) => dropped.inc(count),
  });
}

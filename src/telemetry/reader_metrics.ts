/**
 * Metrics of the readers of `/api/stream`.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "@platformatic/prom-client";

/** The metrics, and the calls that count. */
export interface ReaderMetrics {
  readonly registry: Registry;
  /** Changes the number of readers over a transport. */
  clients(transport: string, change: number): void;
  /** Counts sent messages. */
  sent(count: number): void;
  /** Counts a reader that was too slow. */
  behind(): void;
  /** The log was looked into for all readers, and has so many bars, the last received then, in milliseconds since 1970. */
  looked(bars: number, seconds: number, receivedAt: number): void;
}

/** Creates the metrics. */
export function createReaderMetrics(): ReaderMetrics {
  const registry = new Registry();
  const registers = [registry];
  const clients = new Gauge({
    name: "barline_stream_clients",
    help: "Readers of the stream, by transport.",
    labelNames: ["transport"],
    registers,
  });
  for (const transport of ["sse", "websocket", "alpaca"]) clients.set({ transport }, 0);
  const messages = new Counter({ name: "barline_stream_messages_total", help: "Messages to readers.", registers });
  const behind = new Counter({
    name: "barline_stream_behind_total",
    help: "How often a reader was too slow, and was served from the database.",
    registers,
  });
  const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
  const looks = new Histogram({
    name: "barline_stream_look_seconds",
    help: "Time that it took to find what was committed.",
    buckets,
    registers,
  });
  const delay = new Histogram({
    name: "barline_stream_delay_seconds",
    help: "Time from the receipt of a bar until it was handed to readers, of the last bar of each look.",
    buckets,
    registers,
  });
  return {
    registry,
    clients: (transport, change) => clients.inc({ transport }, change),
    sent: (count) => messages.inc(count),
    behind: () => behind.inc(),
    looked(_, seconds, receivedAt) {
      looks.observe(seconds);
      delay.observe(Math.max(0, (Date.now() - receivedAt) / 1000));
    },
  };
}

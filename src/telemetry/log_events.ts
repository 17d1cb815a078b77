/**
 * Events of the pipeline as lines of the log.
 *
 * @module
 */
import { getLogger, type Logger } from "@logtape/logtape";
import { DEFAULT_TENANT } from "../storage/data_dir.ts";
import { adviseOnDatabaseError } from "../database/faults.ts";
import { adviseOnNatsError } from "../nats/faults.ts";
import { type EventOf, type Listener, on, type PipelineEvent } from "../events.ts";
import { describeError } from "./log.ts";

/** Shortest time between two lines about failed writes, in milliseconds. */
const FAILURE_LINE_EVERY_MS = 10_000;

/** Options of {@linkcode logEvents}. */
export interface LogEventsOptions {
  /** Gives the trace that an event belongs to, where there are traces. */
  traceOf?: (event: PipelineEvent) => string | undefined;
  /** Where to. @default {the program's log} */
  log?: Logger;
}

/** The log of a tenant: its lines have the category `barline.NAME`, and those of the default one `barline`. */
export function loggerOf(tenant: string): Logger {
  const log = getLogger("barline");
  return tenant === DEFAULT_TENANT ? log : log.getChild(tenant);
}

/** Shortest time between two lines about receive times, in milliseconds. */
const REPLACED_LINE_EVERY_MS = 60_000;

/** Shortest time between two lines about bars that differ, in milliseconds. */
const MISMATCH_LINE_EVERY_MS = 60_000;

/** Makes the listener that logs the events of the pipeline. */
export function logEvents({ traceOf, log = getLogger("barline") }: LogEventsOptions = {}): Listener {
  let failureLoggedAt = -Infinity;
  let failures = 0;
  let replacedLoggedAt = -Infinity;
  let isWebhookWell = true;
  const logMismatches = createMismatchLog(log);
  const isNews = createStateNews();
  return on({
    "provider-opened": (event) => log.info("Provider {provider} opened", event),
    "provider-ended": (event) => log.info("Provider {provider} ended", event),
    "provider-failed": (event) =>
      log.error("Provider {provider} failed: {error}", { ...event, error: describeError(event.error) }),
    "provider-notice": (event) => log.warn("{provider}: {message}", event),
    "feed-state": (event) => log[isNews(event) ? "info" : "debug"]("Feed {provider} is {state}", event),
    "failover"(event) {
      if (event.previous === undefined) return log.info("Failover group {group} begins with {provider}", event);
      if (event.cause === "returned") return log.info("{provider} delivers again in place of {previous}", event);
      log.warn("{provider} delivers in place of {previous} ({cause}): {error}", {
        ...event,
        error: event.error === undefined ? "not connected" : describeError(event.error),
      });
    },
    "feed-lost": (event) =>
      // A reset each night at a known time is no warning.
      log[event.reason === "nightly-reset" ? "info" : "warn"](
        `Feed {provider} lost its connection ({reason}): {error}${event.reason === "connect" ? CONNECT_ADVICE : ""}`,
        { ...event, error: describeError(event.error) },
      ),
    "receive-times-replaced"(event) {
      if (performance.now() - replacedLoggedAt < REPLACED_LINE_EVERY_MS) return;
      replacedLoggedAt = performance.now();
      log.warn(
        "{count} {kind} records of {provider} came with receive times that are invalid, or more than 5 minutes ahead " +
          "of the clock: they get the current time. Set the clock of their sender, or of this machine",
        event,
      );
    },
    "watermark": (event) => log.debug("The {kind} queue is {level}: {depth} of {capacity}", event),
    "backpressure": (event) => log.debug("Backpressure is {level}: sources at × {factor}", event),
    "quorum": logMismatches,
    "feedback"(event) {
      if (event.outcome === "sent" && !isWebhookWell) log.info("The feedback webhook answers again");
      if (event.outcome === "failed" && isWebhookWell) log.warn("{error}", { error: describeError(event.error) });
      if (event.outcome !== "dropped") isWebhookWell = event.outcome === "sent";
    },
    "circuit"(event) {
      const error = event.error === undefined ? "" : `: ${describeError(event.error)}`;
      if (event.fault === "fatal") {
        log.error("Writes of {kind} are refused, and tried again once a minute{error}{advice}", {
          ...event,
          error,
          advice: adviceOn(event.error),
        });
      } else if (event.state === "open") {
        log.warn("The {kind} circuit is open after {failures} failures{error}", { ...event, error });
      } else log.info("The {kind} circuit is {state}", { ...event, error });
    },
    "write-failed"(event) {
      failures++;
      if (performance.now() - failureLoggedAt < FAILURE_LINE_EVERY_MS) return;
      failureLoggedAt = performance.now();
      const trace_id = traceOf?.(event);
      const trace = trace_id === undefined ? "" : " (trace {trace_id})";
      log.warn(`Write of {count} {kind} records failed ({fault}, {failures} since the last line): {error}${trace}`, {
        ...event,
        ...(trace_id === undefined ? {} : { trace_id }),
        failures,
        error: describeError(event.error),
      });
      failures = 0;
    },
    "dead-lettered": (event) => log.debug("Dead-lettered {count} {kind}: {reason}", event),
    "journal-notice": (event) => log.warn("Journal: {message}", event),
    "journal-problem": (event) =>
      event.reason === undefined
        ? log.info("Journal takes records again")
        : log.error("Journal takes no more records: {reason}", event),
    "journal-dropped": (event) => log.error("Journal gave up {count} records: {reason}", event),
    "shards": logShards,
    "cluster": (event) => log.info("The cluster has {instances} instances; {unheld} shards have no holder", event),
    "cluster-notice": (event) => log.warn("Cluster: {message}", event),
    "cluster-problem": (event) =>
      event.reason === undefined
        ? log.info("Leases can be taken again")
        : log.warn("Leases cannot be taken or renewed: {reason}", event),
    "fatal": ({ error }) =>
      log.error("Stopping: {error}{advice}", { error: describeError(error), advice: adviceOn(error) }),
  });
}

/** Advice about a connection that could not be made, as a sentence that follows the error. */
const CONNECT_ADVICE = ". It is tried again; check the network, the name server and firewalls of this machine";

/** Finds out which states of feeds are news: while a feed connects again and again, each is once. */
function createStateNews(): (event: EventOf<"feed-state">) => boolean {
  const seen = new Map<string, Set<string>>();
  return ({ provider, state }) => {
    const since = seen.get(provider) ?? new Set();
    if (state === "live") since.clear();
    const isNew = !since.has(state);
    seen.set(provider, since.add(state));
    return isNew;
  };
}

/** Advice about an error, as a sentence that follows it; empty without advice. */
function adviceOn(error: unknown): string {
  return (adviseOnDatabaseError(error) || adviseOnNatsError(error)).replace(/^(?=.)/, ". ");
}

/** Logs bars of two providers that differ, in a line now and then. */
function createMismatchLog(log: Logger): (event: EventOf<"quorum">) => void {
  let loggedAt = -Infinity;
  let compared = 0;
  let mismatched = 0;
  return (event) => {
    compared += event.compared;
    mismatched += event.mismatched;
    if (event.example === undefined || performance.now() - loggedAt < MISMATCH_LINE_EVERY_MS) return;
    loggedAt = performance.now();
    const { symbol, ts, fields } = event.example;
    const [[field, values]] = Object.entries(fields);
    log.warn(
      "{mismatched} of {compared} bars differ between providers since the last line, as {field} of {symbol} at {time}: {values}",
      {
        mismatched,
        compared,
        field,
        symbol,
        time: new Date(ts * 1000).toISOString(),
        values: JSON.stringify(values),
      },
    );
    compared = mismatched = 0;
  };
}

/** Logs which shards have come or gone, and which are there now. */
function logShards({ change, shards, held, reason }: EventOf<"shards">): void {
  const list = (numbers: readonly number[]) => numbers.length === 0 ? "none" : numbers.join(", ");
  getLogger("barline")[change === "lost" ? "warn" : "info"](
    `Shards ${change}: {shards}; now holding {held}${reason === undefined ? "" : ": {reason}"}`,
    { shards: list(shards), held: list(held), reason },
  );
}

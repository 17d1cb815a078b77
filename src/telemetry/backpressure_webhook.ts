/**
 * Reports to a webhook how strongly the pipeline holds back its sources, so that their senders can slow down.
 *
 * One JSON object is POSTed for each change of a coordinator's level: `hard` while its circuit is not closed, else `soft`
 * from the high watermark of its queue until the low one is reached, else `ok`. A webhook that is slow, or away, holds up
 * nothing: events wait in a short queue, and once an attempt has failed only the newest of each coordinator is sent.
 *
 * @module
 */
import { type Backpressure, type CircuitState, type Listener, on } from "../events.ts";
import { exhaustedBy, retry } from "../pipeline/retry.ts";

/** The body of a request. */
export interface FeedbackEvent {
  /** Kind of records, which names queue and lanes, as the label `coord_id` does. */
  readonly coordinator_id: string;
  /** Records that wait in the queue. */
  readonly queue_size: number;
  /** Records that the queue holds before its sources have to wait; above 0. */
  readonly capacity: number;
  readonly level: Backpressure;
  /** When the level changed, in seconds since 1970-01-01 UTC. */
  readonly ts: number;
  /** Part of the system that reports; always `store`. */
  readonly source: "store";
  /** Why the level changed, in words. */
  readonly reason: string;
  /** `queue_size` / `capacity`; the last frame to enter may take it above 1. */
  readonly utilization: number;
}

/** Options of {@linkcode createFeedback}. */
export interface FeedbackOptions {
  /** Where to POST. It may hold a token, and is never shown. */
  url: string;
  /** Size and capacity of the queue of a kind, now. */
  queue: (kind: string) => { readonly size: number; readonly capacity: number };
  emit: Listener;
  /** Longest wait for an answer, and for unsent changes at the end, in milliseconds. @default {2500} */
  timeoutMs?: number;
}

/** Listens to the pipeline and calls the webhook; disposing of it sends unsent changes for a bounded time. */
export interface BackpressureWebhook extends AsyncDisposable {
  readonly listen: Listener;
}

const ATTEMPTS = 3;
/** First and longest wait between attempts, in milliseconds. */
const BACKOFF_MS = { minMs: 250, maxMs: 1000 };
/** Events that wait while one is being sent. */
const MAX_WAITING = 16;

/** State of a coordinator. */
interface Pressure {
  isHigh: boolean;
  circuit: CircuitState;
  level: Backpressure;
}

/** Starts the calls. */
export function createBackpressureWebhook(options: FeedbackOptions): BackpressureWebhook {
  const { url, queue, emit, timeoutMs = 2500 } = options;
  const pressures = new Map<string, Pressure>();
  const closing = new AbortController();
  let waiting: FeedbackEvent[] = [];
  let sending: Promise<void> | undefined;

  /** Leaves the events out for which `keep` is false. */
  function keepOnly(keep: (event: FeedbackEvent, at: number) => boolean): void {
    const kept = waiting.filter(keep);
    for (let dropped = waiting.length - kept.length; dropped > 0; dropped--) {
      emit({ type: "feedback", outcome: "dropped" });
    }
    waiting = kept;
  }

  function pressureOf(kind: string): Pressure {
    let pressure = pressures.get(kind);
    if (pressure === undefined) pressures.set(kind, pressure = { isHigh: false, circuit: "closed", level: "ok" });
    return pressure;
  }

  function change(kind: string, pressure: Pressure, reason: string): void {
    const level = pressure.circuit !== "closed" ? "hard" : pressure.isHigh ? "soft" : "ok";
    if (level === pressure.level) return;
    pressure.level = level;
    const { size, capacity } = queue(kind);
    waiting.push({
      coordinator_id: kind,
      queue_size: size,
      capacity,
      level,
      ts: Date.now() / 1000,
      source: "store",
      reason,
      utilization: size / capacity,
    });
    if (waiting.length > MAX_WAITING) keepOnly((_, at) => at > 0);
    sending ??= sendAll();
  }

  async function sendAll(): Promise<void> {
    for (let event; (event = waiting.shift()) !== undefined;) {
      const { coordinator_id } = event;
      const isOutdated = () => waiting.some((later) => later.coordinator_id === coordinator_id);
      try {
        await retry(() => post(event), {
          attempts: ATTEMPTS,
          ...BACKOFF_MS,
          isRetriable: () => !isOutdated(),
          signal: closing.signal,
        });
        emit({ type: "feedback", outcome: "sent" });
      } catch (error) {
        emit({ type: "feedback", outcome: "failed", error: exhaustedBy(error)?.cause ?? error });
        const newest = new Map(waiting.map((each) => [each.coordinator_id, each]));
        keepOnly((each) => !closing.signal.aborted && newest.get(each.coordinator_id) === each);
      }
    }
    // Within the turn that found nothing left: an event of the next one must start another loop.
    sending = undefined;
  }

  async function post(event: FeedbackEvent): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs);
    let status: number;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(event),
        // Followed, a redirect would turn it into a GET that posts nothing.
        redirect: "manual",
        signal: AbortSignal.any([timeout, closing.signal]),
      });
      status = response.status;
      await response.body?.cancel();
    } catch {
      // Not the error itself, and not as cause: its message names the address.
      const why = timeout.aborted ? `gave no answer within ${timeoutMs} ms` : "cannot be reached";
      throw new Error(`The feedback webhook ${closing.signal.aborted ? "had no more time" : why}`);
    }
    if (status < 200 || status > 299) throw new Error(`The feedback webhook answered with status ${status}`);
  }

  return {
    listen: on({
      "watermark"({ kind, level }) {
        const pressure = pressureOf(kind);
        pressure.isHigh = level === "high";
        change(kind, pressure, `queue reached its ${level} watermark`);
      },
      "circuit"({ kind, state }) {
        const pressure = pressureOf(kind);
        pressure.circuit = state;
        change(kind, pressure, `circuit is ${state}`);
      },
    }),
    async [Symbol.asyncDispose]() {
      const timer = setTimeout(() => closing.abort(), timeoutMs);
      await sending;
      clearTimeout(timer);
    },
  };
}

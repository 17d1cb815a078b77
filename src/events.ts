/**
 * Events of the pipeline's stages. Metrics, log, progress line and rate coordinator listen; no stage knows its listeners.
 *
 * Events come per frame, batch or state change, never per record.
 *
 * @module
 */

import type { BarStatus } from "./records/bar.ts";

/**
 * The meaning of an error of a write:
 * - `transient`: the same write may succeed later (an outage, a deadlock);
 * - `poison`: the sink refuses a record of the batch, and always will;
 * - `fatal`: no write succeeds until the set-up is changed.
 */
export type Fault = "transient" | "poison" | "fatal";

/** Whether writes pass to the sink: all of them, none, or one as a probe. */
export type CircuitState = "closed" | "open" | "half-open";

/** Why records were dead-lettered: unreadable or unsound, refused by the sink, or left when time was up. */
export type DeadLetterCause = "invalid" | "refused" | "fatal" | "aborted";

/** How full a queue is against its watermarks. */
export type Watermark = "high" | "low";

/** How strongly the pipeline holds back its sources. */
export type Backpressure = "ok" | "soft" | "hard";

/** State of a live feed; see `src/providers/live/supervise.ts`. A feed on standby is not open. */
export type FeedState = "standby" | "connecting" | "live" | "waiting" | "ended" | "failed";

/**
 * Why another provider replaces one: it was silent, not connected, failed for good, or the preferred one is healthy
 * again.
 */
export type FailoverCause = "stall" | "unconnected" | "fatal" | "returned";

/** Outcomes of minutes that a live feed has not delivered: found ones are repaired, or unrepairable. */
export type GapOutcome = "found" | "repaired" | "unrepairable";

/** Changes of shards: taken, released to others, or lost. */
export type ShardChange = "taken" | "given" | "lost";

/**
 * The events of the pipeline, by name. `kind` is the kind of records, which also names their queue and lanes. A
 * worker has one batch at a time: `batch-taken` and `batch-done` enclose all other events of it.
 */
export interface PipelineEvents {
  "provider-opened": { provider: string };
  "provider-ended": { provider: string };
  "provider-failed": { provider: string; error: unknown };
  "provider-notice": { provider: string; message: string };
  "feed-state": { provider: string; state: FeedState };
  "feed-lost": { provider: string; reason: string; error: unknown };
  "failover": {
    group: string;
    /** The provider that delivers from now on. */
    provider: string;
    /** The provider before; absent at the start. */
    previous?: string;
    cause?: FailoverCause;
    error?: unknown;
  };
  /** Bars of these symbols do not come, with the reason; without a reason they come again. */
  "unsubscribed": { provider: string; symbols: readonly string[]; reason: string | undefined };
  "repaired": { provider: string; count: number };
  "bars": {
    provider: string;
    source: "live" | "history";
    counts: Readonly<Record<BarStatus, number>>;
    newest: number;
  };
  "gap": { provider: string; outcome: GapOutcome; minutes: number };
  /** Bars requested from history: received, proved not to exist, or lost. */
  "gap-bars": { provider: string; outcome: "got" | "none" | "lost"; bars: number };
  /** Doubts of a feed. */
  "doubts": { provider: string } & Doubts;
  /** The vendor's clock minus the local one, in ms; positive if the local clock is behind. */
  "clock-skew": { provider: string; skewMs: number };
  "rest-call": { provider: string; outcome: "ok" | "throttled" | "error" };
  /** Messages of a stream that no worker has taken yet, and those in flight. */
  "stream-lag": { provider: string; kind: string; waiting: number; unanswered: number };
  /** A message came that some worker had received before. */
  "redelivered": { provider: string; kind: string };
  "accepted": { kind: string; provider: string; count: number };
  /** Records came with receive times that are invalid, or ahead of the clock, and were replaced. */
  "receive-times-replaced": { kind: string; provider: string; count: number };
  "watermark": { kind: string; level: Watermark; depth: number; capacity: number };
  "backpressure": { level: Backpressure; factor: number };
  "quorum": {
    /** Bars of both providers that were compared. */
    compared: number;
    /** Number of compared bars with a difference. */
    mismatched: number;
    /** Number of differences in each field; empty without any. */
    mismatches: Readonly<Partial<Record<string, number>>>;
    /** A bar with a difference. */
    example?: { symbol: string; ts: number; fields: Readonly<Record<string, Readonly<Record<string, number>>>> };
  };
  "feedback": { outcome: "sent" | "failed" | "dropped"; error?: unknown };
  /** The circuit of a kind has changed; with the error that opened it, and its classification. */
  "circuit": { kind: string; state: CircuitState; failures: number; error?: unknown; fault?: Fault };
  "batch-taken": { kind: string; worker: number; count: number; frames: readonly FrameOrigin[] };
  "batch-written": {
    kind: string;
    worker: number;
    count: number;
    result: WriteCounts;
    /** From the first write to the commit, retries included. */
    seconds: number;
    /** Duration of the successful write alone. */
    attemptSeconds: number;
  };
  "write-failed": {
    kind: string;
    worker: number;
    count: number;
    fault: Fault;
    error: unknown;
    attemptSeconds: number;
  };
  "batch-done": { kind: string; worker: number; refused: number; burySeconds: number };
  "committed": { kind: string; provider: string; count: number; receivedAt: number };
  "dead-lettered": { kind: string; cause: DeadLetterCause; count: number; reason: string };
  /** Records are on disk, and not in flight; those of an earlier process are `recovered` first. */
  "journaled": { count: number };
  "recovered": { count: number };
  /** Records on disk are in flight again; `isRecovered` if an earlier process received them. */
  "replayed": { kind: string; count: number; isRecovered: boolean };
  "journal-synced": { seconds: number };
  /** The journal cannot be written to; without a reason, it can again. */
  "journal-problem": { reason: string | undefined };
  "journal-notice": { message: string };
  /** Records on disk were given up. */
  "journal-dropped": { count: number; reason: string };
  /** Shards of this instance have changed; `held` are the present ones. */
  "shards": { change: ShardChange; shards: readonly number[]; held: readonly number[]; reason?: string };
  /** The number of instances, and of shards without a holder, has changed. */
  "cluster": { instances: number; unheld: number };
  /** Leases cannot be taken or renewed; without a reason, they can again. */
  "cluster-problem": { reason: string | undefined };
  "cluster-notice": { message: string };
  "fatal": { error: unknown };
}

/** Name of an event. */
export type EventName = keyof PipelineEvents;

/** An event of that name. */
export type EventOf<N extends EventName> = { type: N } & PipelineEvents[N];

/** Something that happened in the pipeline. */
export type PipelineEvent = { [N in EventName]: EventOf<N> }[EventName];

/** Doubts of a feed. Times are epoch ms; absent without such a doubt. */
export interface Doubts {
  /** Minutes of open markets by reason, over all series. */
  readonly minutes: Readonly<Partial<Record<string, number>>>;
  /** Series that have a doubt. */
  readonly series: number;
  /** When the oldest doubt was opened that history can settle: neither unrepairable nor denied. */
  readonly since?: number;
  /** The same for busy symbols, whose missing bars are more likely lost than without trades. */
  readonly busySince?: number;
  /** How long after its end a bar may come into the feed's history, in ms. */
  readonly delayMs: number;
}

/** Origin of records in a batch: their number, and when their frame was received, in microseconds since 1970. */
export interface FrameOrigin {
  readonly provider: string;
  readonly receivedAt: number;
  readonly count: number;
}

/**
 * Numbers of records of a batch that the sink stored, found unchanged, and found repeated in the batch. Their sum is
 * the batch.
 */
export interface WriteCounts {
  readonly stored: number;
  readonly unchanged: number;
  readonly deduplicated: number;
  /** Number of stored records that replaced other values; absent if zero, `null` if unknown. */
  readonly updated?: number | null;
  /**
   * Written without an error, but not stored, since a trigger of the database discarded them. Absent without such
   * records.
   */
  readonly swallowed?: number;
}

/** Handles events. Must not throw and must not wait: it is called from the middle of the pipeline. */
export type Listener = (event: PipelineEvent) => void;

/** Creates a listener from handlers by event; other events are ignored. */
export function on(handlers: { readonly [N in EventName]?: (event: EventOf<N>) => void }): Listener {
  return (event) => (handlers[event.type] as Listener | undefined)?.(event);
}

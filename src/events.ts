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
 * - `poison`: something in the batch is refused and will always be;
 * - `fatal`: nothing can be written until the set-up is changed.
 */
export type Fault = "transient" | "poison" | "fatal";

/** Whether writes go through to the sink: all of them, none, or one to see how it is. */
export type CircuitState = "closed" | "open" | "half-open";

/** Why records went to the dead letters: not readable or not sound, refused by the sink, or left when time was up. */
export type DeadLetterCause = "invalid" | "refused" | "fatal" | "aborted";

/** How full a queue is against its watermarks. */
export type Watermark = "high" | "low";

/** How strongly the pipeline holds back its sources. */
export type Backpressure = "ok" | "soft" | "hard";

/** State of a live feed; see `src/providers/live/supervise.ts`. One on standby is not opened. */
export type FeedState = "standby" | "connecting" | "live" | "waiting" | "ended" | "failed";

/** Why another provider delivers in place of one: it was silent, not connected, or failed for good, or is well again. */
export type FailoverCause = "stall" | "unconnected" | "fatal" | "returned";

/** Outcomes of minutes that a live feed has not delivered; those found are to be repaired, or can no longer be. */
export type GapOutcome = "found" | "repaired" | "unrepairable";

/** Changes of shards: taken, given to others, or lost without having been given. */
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
    /** The one that delivered before; absent at the start. */
    previous?: string;
    cause?: FailoverCause;
    error?: unknown;
  };
  /** Bars of these symbols do not come, and why; without a reason they come again. */
  "unsubscribed": { provider: string; symbols: readonly string[]; reason: string | undefined };
  "repaired": { provider: string; count: number };
  "bars": {
    provider: string;
    source: "live" | "history";
    counts: Readonly<Record<BarStatus, number>>;
    newest: number;
  };
  "gap": { provider: string; outcome: GapOutcome; minutes: number };
  /** Bars that history was asked for: got, proved not to exist, or lost. */
  "gap-bars": { provider: string; outcome: "got" | "none" | "lost"; bars: number };
  /** How much of a feed is in doubt. */
  "doubts": { provider: string } & Doubts;
  /** The vendor's clock less the local one, in ms; positive where the local clock is behind. */
  "clock-skew": { provider: string; skewMs: number };
  "rest-call": { provider: string; outcome: "ok" | "throttled" | "error" };
  /** Messages of a stream that no worker has taken yet, and those that workers have not acked yet. */
  "stream-lag": { provider: string; kind: string; waiting: number; unanswered: number };
  /** A message came that had come to some worker before. */
  "redelivered": { provider: string; kind: string };
  "accepted": { kind: string; provider: string; count: number };
  /** Records came with receive times that can be none, or lie ahead of the clock; they have new ones. */
  "receive-times-replaced": { kind: string; provider: string; count: number };
  "watermark": { kind: string; level: Watermark; depth: number; capacity: number };
  "backpressure": { level: Backpressure; factor: number };
  "quorum": {
    /** Bars of both providers that were compared. */
    compared: number;
    /** How many of them differ. */
    mismatched: number;
    /** How many differ in each field; empty where none does. */
    mismatches: Readonly<Partial<Record<string, number>>>;
    /** One of those that differ. */
    example?: { symbol: string; ts: number; fields: Readonly<Record<string, Readonly<Record<string, number>>>> };
  };
  "feedback": { outcome: "sent" | "failed" | "dropped"; error?: unknown };
  /** The circuit of a kind has changed; with the error that opened it, and the meaning of that. */
  "circuit": { kind: string; state: CircuitState; failures: number; error?: unknown; fault?: Fault };
  "batch-taken": { kind: string; worker: number; count: number; frames: readonly FrameOrigin[] };
  "batch-written": {
    kind: string;
    worker: number;
    count: number;
    result: WriteCounts;
    /** From the first write to the commit, retries included. */
    seconds: number;
    /** Of the write that committed. */
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
  /** Records are on disk, and not in flight; those that were there at the start are `recovered` first. */
  "journaled": { count: number };
  "recovered": { count: number };
  /** Records on disk are in flight again; `isRecovered` where this process had not received them. */
  "replayed": { kind: string; count: number; isRecovered: boolean };
  "journal-synced": { seconds: number };
  /** Nothing can be written to the journal, or again where there is no reason. */
  "journal-problem": { reason: string | undefined };
  "journal-notice": { message: string };
  /** Records on disk are given up. */
  "journal-dropped": { count: number; reason: string };
  /** Shards of this instance have changed; `held` are those that it has now. */
  "shards": { change: ShardChange; shards: readonly number[]; held: readonly number[]; reason?: string };
  /** So many instances share the shards from now on, and so many shards have no holder. */
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

/** How much of a feed is in doubt. Times are epoch ms; absent where there is no such doubt. */
export interface Doubts {
  /** Minutes of open markets by reason, over all series. */
  readonly minutes: Readonly<Partial<Record<string, number>>>;
  /** Series that have a doubt. */
  readonly series: number;
  /** When the oldest doubt was opened that history can settle: neither unrepairable nor denied to the account. */
  readonly since?: number;
  /** The same of busy symbols, whose missing bars are more likely lost than not traded. */
  readonly busySince?: number;
  /** How long after its end a bar may come into the feed's history, in ms. */
  readonly delayMs: number;
}

/** Where records of a batch came from: so many of a frame that was received then, in microseconds since 1970. */
export interface FrameOrigin {
  readonly provider: string;
  readonly receivedAt: number;
  readonly count: number;
}

/** How many records of a batch the sink stored, found unchanged, and found twice in the batch. Together they are all. */
export interface WriteCounts {
  readonly stored: number;
  readonly unchanged: number;
  readonly deduplicated: number;
  /** How many of the stored were there before with other values; absent where none were, `null` where that is not known. */
  readonly updated?: number | null;
  /** Written without an error, and not there afterwards: a trigger of the database took them. Absent without such records. */
  readonly swallowed?: number;
}

/** Hears events. Must not throw and must not wait: it is called from the middle of the pipeline. */
export type Listener = (event: PipelineEvent) => void;

/** Makes a listener of handlers by event; other events are ignored. */
export function on(handlers: { readonly [N in EventName]?: (event: EventOf<N>) => void }): Listener {
  return (event) => (handlers[event.type] as Listener | undefined)?.(event);
}

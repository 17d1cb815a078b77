/**
 * Health of the pipeline, which can be read at any time at little cost.
 *
 * @module
 */
import type { CircuitState, Doubts } from "../events.ts";

/** Queue, lanes and circuit of one kind of records. */
export interface CoordinatorHealth {
  readonly kind: string;
  readonly workersAlive: number;
  readonly workers: number;
  readonly queue: { readonly size: number; readonly capacity: number };
  /** Late records in their own queue. */
  readonly late: number;
  readonly circuit: CircuitState;
  /** When an open circuit lets its probe through, in epoch seconds. */
  readonly probeAt?: number;
}

/** A provider's state. */
export interface ProviderHealth {
  readonly name: string;
  readonly state: "up" | "paused" | "ended" | "failed";
  readonly error?: string;
  /** Symbols whose bars do not come, each with the reason; absent without any. */
  readonly unsubscribed?: ReadonlyMap<string, string>;
  /** The extent of doubts about its series; absent without any. */
  readonly doubts?: Doubts;
  /** Its clock minus the local one, in ms; absent if unknown. */
  readonly clockSkewMs?: number;
  /** The failover group that it belongs to. */
  readonly group?: string;
  /** Whether it is the delivering member of its group. */
  readonly isActive?: boolean;
}

/** The journal's state; see `journal.ts`. */
export interface JournalHealth {
  readonly mode: "overflow" | "durable";
  /** Size on disk. */
  readonly bytes: number;
  /** Frames on disk that are not settled. */
  readonly frames: number;
  /** Records on disk that are not in flight. */
  readonly records: number;
  /** Age of the oldest unsettled frame on disk; 0 without any. */
  readonly oldestAgeSeconds: number;
  /** Records received within this time would be lost in a crash now. */
  readonly lossWindowMs: number;
  /** Frames that were unreadable at the start, and cut, set aside or found missing. */
  readonly cut: number;
  /** Why the journal cannot be written to now. */
  readonly problem: string | undefined;
}

/** The pipeline's health. */
export interface Health {
  readonly coordinators: readonly CoordinatorHealth[];
  readonly providers: readonly ProviderHealth[];
  /** `undefined` without a journal. */
  readonly journal?: JournalHealth;
  readonly stopping: boolean;
  /** Whether all is done, and nothing failed. */
  readonly isDone?: boolean;
}

/** Merges several journals: sums, and the worst of values that cannot be added; `undefined` without any journal. */
export function joinJournals(all: readonly JournalHealth[]): JournalHealth | undefined {
  if (all.length < 2) return all[0];
  const sum = (value: (journal: JournalHealth) => number) => all.reduce((total, each) => total + value(each), 0);
  return {
    mode: all.every(({ mode }) => mode === "durable") ? "durable" : "overflow",
    bytes: sum(({ bytes }) => bytes),
    frames: sum(({ frames }) => frames),
    records: sum(({ records }) => records),
    oldestAgeSeconds: Math.max(...all.map(({ oldestAgeSeconds }) => oldestAgeSeconds)),
    lossWindowMs: Math.max(...all.map(({ lossWindowMs }) => lossWindowMs)),
    cut: sum(({ cut }) => cut),
    problem: all.find(({ problem }) => problem !== undefined)?.problem,
  };
}

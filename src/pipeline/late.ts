/**
 * Late records: bars of history beside a live feed, hours or months after their time. They may be many, and may belong
 * to compressed chunks. So they have a separate queue and lane, and live records overtake them. Having one lane makes
 * their priority low. Without live records, none is late, and all lanes serve all records.
 *
 * @module
 */
import { pickRows } from "../records/columns.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import type { RecordKind } from "../records/kind.ts";
import { createCondition } from "../condition.ts";

/** Decides which records are late. */
export interface Lateness {
  /** The frame in two parts; either may be missing. */
  split(frame: Frame): { readonly live?: Frame; readonly late?: Frame };
}

/** Options of {@linkcode createLateness}. */
export interface LatenessOptions {
  /** Age at which a record is late, in milliseconds. */
  afterMs: number;
  /** The kind of that name. */
  kind: (name: string) => RecordKind;
  /** The wall clock, in epoch milliseconds. @default {Date.now} */
  now?: () => number;
}

/** Creates a {@linkcode Lateness}. */
export function createLateness({ afterMs, kind, now = Date.now }: LatenessOptions): Lateness {
  return {
    split(frame) {
      const { overAt, cursor } = kind(frame.kind);
      if (!frame.isHistory || overAt === undefined) return { live: frame };
      const before = now() - afterMs;
      const { columns } = frame;
      const view = cursor(columns);
      const late: number[] = [];
      const rest: number[] = [];
      for (; view.at < columns.count; view.at++) (overAt(view) < before ? late : rest).push(view.at);
      if (late.length === 0) return { live: frame };
      if (rest.length === 0) return { late: frame };
      // Rejected records belong to neither part, and are settled once.
      return {
        live: { ...frame, columns: pickRows(columns, rest) },
        late: { ...frame, columns: pickRows(columns, late), rejected: [] },
      };
    },
  };
}

/** Bounds the records of a source in flight, so that they do not fill a queue that others need. */
export interface Credit {
  /** Waits until `count` more may be in flight; without any in flight, every number may. */
  wait(count: number, signal: AbortSignal): Promise<void>;
  /** Whether `count` more may be in flight now. */
  allows(count: number): boolean;
  /** The frame, with a number of records in flight until it acknowledges them. */
  spend(frame: Frame): Frame;
}

/** Creates credit for `most` records. `onReturn` is called when records have arrived. */
export function createCredit(most: number, onReturn = () => {}): Credit {
  const condition = createCondition();
  let spent = 0;
  const allows = (count: number) => spent === 0 || spent + count <= most;
  return {
    allows,
    async wait(count, signal) {
      while (!allows(count) && !signal.aborted) await condition.changed(signal);
    },
    spend(frame) {
      spent += frameSize(frame);
      return {
        ...frame,
        ack(outcome, count) {
          if (outcome !== "synced") spent -= count;
          frame.ack(outcome, count);
          onReturn();
          condition.notify();
        },
      };
    },
  };
}

/** Most late records of a source in flight. */
export const LATE_CREDIT = 5000;

/**
 * A source that can wait, such as files: while it `isBesideLive`, its frames count as history, and its late records
 * pass as the credit allows. It is read by demand.
 */
export function yieldToLive(
  source: ReadableStream<Frame>,
  lateness: Lateness,
  isBesideLive: () => boolean,
): ReadableStream<Frame> {
  const reader = source.getReader();
  const credit = createCredit(LATE_CREDIT);
  const cancelled = new AbortController();
  return new ReadableStream<Frame>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      if (!isBesideLive()) return controller.enqueue(value);
      const history: Frame = { ...value, isHistory: true };
      const { late } = lateness.split(history);
      if (late === undefined) return controller.enqueue(history);
      await credit.wait(late.columns.count, cancelled.signal);
      if (!cancelled.signal.aborted) controller.enqueue(credit.spend(history));
    },
    cancel(reason) {
      cancelled.abort();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/**
 * The last look at records before they may be stored.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import { type Frame, frameSize, type Rejected } from "../records/frame.ts";
import {
  isReceiveTime,
  latestReceiveTime,
  type MarketRecord,
  type ReceiveClock,
  type RecordKind,
} from "../records/record.ts";
import { checkProvider } from "../records/symbol.ts";
import type { DeadLetterRecords } from "./dead_letter.ts";

/** Options of {@linkcode validate}. */
export interface ValidateOptions {
  /** The kind of that name. */
  kind: (name: string) => RecordKind<MarketRecord>;
  deadLetter: DeadLetterRecords;
  /** Gives the receive times of records whose own cannot be believed. */
  clock: ReceiveClock;
  emit: Listener;
  /** The wall clock, in epoch milliseconds. */
  now?: () => number;
}

/**
 * Replaces receive times that cannot be believed, as the record itself may be sound. Sends to the dead letters, with the reason,
 * what a provider could not read and what is not sound; the rest of each frame goes on.
 */
export function validate(options: ValidateOptions): TransformStream<Frame, Frame> {
  const { deadLetter, now = Date.now } = options;
  return new TransformStream<Frame, Frame>(
    {
      async transform(given, controller) {
        const frame = withReceiveTimes(given, options);
        const kind = options.kind(frame.kind);
        const unsound = findUnsound(frame, kind, now());
        const bad = frame.rejected.length + unsound.size;
        if (bad > 0) {
          const rejected: Rejected[] = [...frame.rejected];
          for (const [at, reason] of unsound) {
            rejected.push({ reason, item: kind.toJSON(frame.records[at]), line: frame.lines?.[at] });
          }
          const kept = await deadLetter(rejected.map(({ reason, item, line }) => ({
            cause: "invalid",
            reason,
            kind: frame.kind,
            provider: frame.provider,
            location: locate(frame.source, line),
            item,
          })));
          if (kept) frame.ack("deadLettered", bad);
        }
        if (bad === frameSize(frame)) return;
        const keep = (_: unknown, at: number) => !unsound.has(at);
        controller.enqueue(
          bad === 0
            ? frame
            : { ...frame, rejected: [], records: frame.records.filter(keep), lines: frame.lines?.filter(keep) },
        );
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}

/** The frame with receive times that are none, or lie ahead of the clock, replaced; see `isReceiveTime`. */
function withReceiveTimes(frame: Frame, { clock, emit }: ValidateOptions): Frame {
  const latest = latestReceiveTime(clock);
  const isSound = ({ receivedAt }: { readonly receivedAt: number }) => isReceiveTime(receivedAt, latest);
  if (isSound(frame) && frame.records.every(isSound)) return frame;
  const count = frame.records.filter((record) => !isSound(record)).length;
  emit({ type: "receive-times-replaced", kind: frame.kind, provider: frame.provider, count });
  return {
    ...frame,
    receivedAt: isSound(frame) ? frame.receivedAt : clock(1),
    records: frame.records.map((record) => isSound(record) ? record : { ...record, receivedAt: clock(1) }),
  };
}

/** The places of unsound records in the frame, and why each is. */
function findUnsound(frame: Frame, kind: RecordKind<MarketRecord>, now: number): Map<number, string> {
  const unsound = new Map<number, string>();
  for (let at = 0; at < frame.records.length; at++) {
    const record = frame.records[at];
    const reason = checkProvider(record.provider) ?? kind.validate(record, now);
    if (reason !== undefined) unsound.set(at, reason);
  }
  return unsound;
}

/** `file:line` of a record, as far as it is known. */
export function locate(source: string | undefined, line: number | undefined): string | undefined {
  if (source === undefined) return undefined;
  return line === undefined ? source : `${source}:${line}`;
}

/**
 * The last check of records before they may be stored.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import { type Columns, pickRows, RECEIVED_AT } from "../records/columns.ts";
import type { RecordKind } from "../records/kind.ts";
import { type Frame, frameSize, type Rejected } from "../records/frame.ts";
import { isReceiveTime, latestReceiveTime, type ReceiveClock } from "../records/record.ts";
import type { DeadLetterRecords } from "./dead_letter.ts";

/** Options of {@linkcode validate}. */
export interface ValidateOptions {
  /** The kind of that name. */
  kind: (name: string) => RecordKind;
  deadLetter: DeadLetterRecords;
  /** Gives receive times for records with implausible ones. */
  clock: ReceiveClock;
  emit: Listener;
  /** The wall clock, in epoch milliseconds. */
  now?: () => number;
}

/**
 * Replaces implausible receive times, as the record itself may be sound. Sends unreadable and unsound records to the
 * dead letters, with the reason; the rest of each frame passes.
 */
export function validate(options: ValidateOptions): TransformStream<Frame, Frame> {
  const { deadLetter, now = Date.now } = options;
  return new TransformStream<Frame, Frame>(
    {
      async transform(given, controller) {
        const frame = withReceiveTimes(given, options);
        const kind = options.kind(frame.kind);
        const { columns } = frame;
        const unsound = kind.findUnsound(columns, now());
        const bad = frame.rejected.length + unsound.size;
        if (bad > 0) {
          const rejected: Rejected[] = [...frame.rejected];
          for (const [at, reason] of unsound) {
            rejected.push({ reason, item: kind.toJSON(columns, at), line: columns.lines?.[at] });
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
        controller.enqueue(bad === 0 ? frame : { ...frame, rejected: [], columns: without(columns, unsound) });
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}

/** The columns without some rows. */
function without(columns: Columns, rows: ReadonlyMap<number, unknown>): Columns {
  return pickRows(columns, Array.from({ length: columns.count }, (_, at) => at).filter((at) => !rows.has(at)));
}

/** The frame, with invalid or future receive times replaced; see `isReceiveTime`. */
function withReceiveTimes(frame: Frame, { clock, emit }: ValidateOptions): Frame {
  const { columns } = frame;
  const latest = latestReceiveTime(clock);
  const first = RECEIVED_AT * columns.stride;
  let count = 0;
  for (let at = first; at < first + columns.count; at++) if (!isReceiveTime(columns.cells[at], latest)) count++;
  const isSound = isReceiveTime(frame.receivedAt, latest);
  if (isSound && count === 0) return frame;
  emit({ type: "receive-times-replaced", kind: frame.kind, provider: frame.provider, count });
  const receivedAt = isSound ? frame.receivedAt : clock(1);
  const cells = columns.cells.slice();
  for (let at = first; at < first + columns.count; at++) if (!isReceiveTime(cells[at], latest)) cells[at] = clock(1);
  return { ...frame, receivedAt, columns: { ...columns, cells } };
}

/** `file:line` of a record, as far as known. */
export function locate(source: string | undefined, line: number | undefined): string | undefined {
  if (source === undefined) return undefined;
  return line === undefined ? source : `${source}:${line}`;
}

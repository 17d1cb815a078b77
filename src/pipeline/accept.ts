/**
 * The gate of the pipeline: what passes it is accepted, counted, and accounted for until it is settled.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import type { LedgerKeeper } from "./ledger.ts";

/** Options of {@linkcode accept}. */
export interface AcceptOptions {
  /** Most records to accept; the frame in which the limit falls is cut there. */
  limit: number;
  ledger: LedgerKeeper;
  tell: Listener;
  /** Called when the limit is reached. */
  onLimit: () => void;
}

/** Accepts frames up to a limit, and enters them into the ledger. */
export function accept(options: AcceptOptions): TransformStream<Frame, Frame> {
  const { ledger, tell } = options;
  let left = options.limit;
  return new TransformStream<Frame, Frame>(
    {
      transform(frame, controller) {
        if (left === 0) return;
        const accepted = cut(frame, left);
        const count = frameSize(accepted);
        left -= count;
        tell({ type: "accepted", kind: frame.kind, provider: frame.provider, count });
        controller.enqueue({
          ...accepted,
          settle(settled) {
            ledger.settled(settled);
            frame.settle(settled);
          },
        });
        if (left === 0) {
          options.onLimit();
          controller.terminate();
        }
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}

/** The first `size` of a frame's records and rejected items. Cut short, the frame never settles as a whole. */
function cut(frame: Frame, size: number): Frame {
  if (frameSize(frame) <= size) return frame;
  const records = frame.records.slice(0, size);
  return { ...frame, records, rejected: frame.rejected.slice(0, size - records.length) };
}

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
  ledger: LedgerKeeper;
  tell: Listener;
}

/** Enters frames into the ledger. */
export function accept({ ledger, tell }: AcceptOptions): TransformStream<Frame, Frame> {
  return new TransformStream<Frame, Frame>(
    {
      transform(frame, controller) {
        tell({ type: "accepted", kind: frame.kind, provider: frame.provider, count: frameSize(frame) });
        controller.enqueue({
          ...frame,
          settle(settled) {
            ledger.settled(settled);
            frame.settle(settled);
          },
          leave: frame.leave && ((left) => {
            ledger.settled(left);
            tell({ type: "journaled", count: left });
            frame.leave!(left);
          }),
        });
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}

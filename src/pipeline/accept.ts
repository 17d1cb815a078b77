/**
 * The gate of the pipeline: frames that pass it are accepted, counted, and accounted for until they are acknowledged.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import type { LedgerKeeper } from "./ledger.ts";

/** Options of {@linkcode accept} and {@linkcode account}. */
export interface AcceptOptions {
  ledger: LedgerKeeper;
  emit: Listener;
}

/** Enters frames into the ledger. */
export function accept({ ledger, emit }: AcceptOptions): TransformStream<Frame, Frame> {
  return new TransformStream<Frame, Frame>(
    {
      transform(frame, controller) {
        emit({ type: "accepted", kind: frame.kind, provider: frame.provider, count: frameSize(frame) });
        controller.enqueue(account(frame, { ledger, emit }));
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}

/**
 * The frame, with acknowledgements that the ledger counts: the one place where records leave its count of those in
 * flight.
 */
export function account(frame: Frame, { ledger, emit }: AcceptOptions): Frame {
  return {
    ...frame,
    ack(outcome, count) {
      ledger.settled(count);
      if (outcome === "requeued") emit({ type: "journaled", count });
      frame.ack(outcome, count);
    },
  };
}

/**
 * Turns messages into frames, and answers each message with the outcome of its frame.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";
import { decodeFrame, isNewerMessage } from "../../records/codec.ts";
import { createFrame, type Frame, type FrameInit } from "../../records/frame.ts";
import { createColumns, releaseColumns } from "../../records/columns.ts";
import { recordKind } from "../../records/mod.ts";
import type { SeriesDictionary } from "../../records/series_dictionary.ts";
import type { DeliveredLog } from "./delivered.ts";
import type { HeldMessages } from "./held.ts";

/**
 * Shortest and longest wait until a message that could not be stored is delivered again, in milliseconds; doubles each
 * time.
 */
const NAK_MS = { least: 1000, most: 30_000 };

/** Handlers of messages. */
export interface FrameOptions {
  held: HeldMessages;
  delivered: DeliveredLog;
  /** The series of the stream. */
  series: SeriesDictionary;
}

/**
 * The frame of a message. The message is acknowledged when every record is stored or dead-lettered, and returned if any
 * is left. An unreadable message is rejected as a whole, and is not delivered again.
 */
export function frameOf(message: JsMsg, kind: string, { held, delivered, series }: FrameOptions): Frame {
  const { stream, streamSequence, deliveryCount } = message.info;
  const source = `${stream}:${streamSequence}`;
  const content = read(message, kind, series);
  const noteStored = delivered.note(kind, content.columns);
  const frame = createFrame({
    ...content,
    provider: "nats",
    source,
    onSettled() {
      noteStored();
      if (content.columns.count === 0) held.term(message);
      else held.ack(message);
    },
    onEnded: () => releaseColumns(content.columns),
    onRequeued: () => held.nak(message, nakDelay(deliveryCount)),
  });
  return { ...frame, home: () => "stream" };
}

/** The wait of a message by the number of its deliveries. */
export function nakDelay(deliveryCount: number): number {
  return Math.min(NAK_MS.least * 2 ** Math.min(deliveryCount - 1, 20), NAK_MS.most);
}

/** Deliveries after which no newer worker is expected: about an hour. */
const MAX_WAITS = 120;

/**
 * Whether this program cannot read the message's newer version yet: then it is left for another worker, for a while.
 */
export function isForNewer({ data, info: { deliveryCount } }: JsMsg): boolean {
  return isNewerMessage(data) && deliveryCount <= MAX_WAITS;
}

function read(message: JsMsg, kind: string, series: SeriesDictionary): Omit<FrameInit, "provider" | "onSettled"> {
  try {
    const { kind: found, receivedAt, columns, rejected } = decodeFrame(message.data, { series });
    if (found !== kind) throw new RangeError(`it holds records of kind "${found}"`);
    if (columns.count + rejected.length === 0) throw new RangeError("it holds nothing");
    return { kind, receivedAt, columns, rejected };
  } catch (error) {
    const { subject, data } = message;
    const reason = `message cannot be read: ${(error as Error).message}`;
    const rejected = [{ reason, item: { subject, data: data.toBase64() } }];
    return { kind, receivedAt: Date.now() * 1000, columns: createColumns(recordKind(kind), 0, series), rejected };
  }
}

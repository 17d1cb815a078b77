/**
 * The messages of `/api/stream`, as JSON. Their fields are a contract: `v` changes when a field gets another meaning.
 *
 * @module
 */
import { type Cursor, formatCursor } from "./cursor.ts";
import type { Item } from "./source.ts";
import type { StreamEvent } from "./session.ts";

/** Version of the messages. */
export const MESSAGE_VERSION = 1;

/** A message: its text, and the cursor of the reader after it; an error has none. */
export interface Message {
  readonly text: string;
  readonly cursor: string | undefined;
}

/** Encoded messages of the hub's bars, which all readers share. */
const written = new WeakMap<Item, Message>();

/** The messages of an event. */
export function writeEvent(event: StreamEvent): Message[] {
  if (event.type === "bars") return event.items.map(writeBar);
  return [write(event.type, event.cursor, event.type === "heartbeat" ? { time: new Date().toISOString() } : {})];
}

/** The last message to a reader, with the reason of the end. */
export function writeError(message: string): Message {
  return { text: JSON.stringify({ v: MESSAGE_VERSION, type: "error", message }), cursor: undefined };
}

function writeBar(item: Item): Message {
  const known = written.get(item);
  if (known !== undefined) return known;
  const { bar: { series: _, ts, receivedAt, vwap, trades, ...bar }, cursor, isCorrection } = item;
  const message = write("bar", cursor, {
    ...bar,
    ts: new Date(ts).toISOString(),
    ...(vwap === null ? {} : { vwap }),
    ...(trades === null ? {} : { trades }),
    receivedAt: new Date(receivedAt).toISOString(),
    correction: isCorrection,
  });
  written.set(item, message);
  return message;
}

function write(type: string, at: Cursor, fields: object): Message {
  const cursor = formatCursor(at);
  return { text: JSON.stringify({ v: MESSAGE_VERSION, type, cursor, ...fields }), cursor };
}

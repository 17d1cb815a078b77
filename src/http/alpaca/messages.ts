/**
 * Messages of Alpaca's stream, as JSON in text frames or as MessagePack in binary frames.
 *
 * Source: docs.alpaca.markets, "Real-time Stock Data", and the source of alpaca-py 0.44.
 *
 * @module
 */
import { decode, encode } from "@msgpack/msgpack";
import type { StoredBar } from "../../stream/changes.ts";
import type { Item } from "../../stream/source.ts";

/** The encoding of a client's messages, in both directions. */
export type Encoding = "json" | "msgpack";

/** The encoding by the header of the handshake. */
export const encodingOf = (headers: Headers): Encoding =>
  headers.get("content-type")?.includes("msgpack") ? "msgpack" : "json";

/** Codes of errors, with the texts that Alpaca sends. */
export const ERRORS = {
  400: "invalid syntax",
  401: "not authenticated",
  402: "auth failed",
  403: "already authenticated",
  404: "auth timeout",
  405: "symbol limit exceeded",
  406: "connection limit exceeded",
  407: "slow client",
  409: "insufficient subscription",
  410: "invalid subscribe action for this feed",
  500: "internal error",
} as const;

/** A bar in Alpaca's form. Clients refuse one without `n` and `vw`, so both are 0 if the provider has none. */
export function alpacaBar<T>({ ts, open, high, low, close, volume, trades, vwap }: StoredBar, time: (ts: number) => T) {
  return { t: time(ts), o: open, h: high, l: low, c: close, v: volume, n: trades ?? 0, vw: vwap ?? 0 };
}

/** A time in Alpaca's JSON: without a fraction if it is 0. */
export const isoTime = (ts: number): string => new Date(ts).toISOString().replace(".000Z", "Z");

/** The channel of a bar; `undefined` without one. */
export function channelOf({ bar: { timeframe, status }, isCorrection }: Item): "b" | "u" | "d" | undefined {
  if (timeframe === "1d") return "d";
  if (timeframe !== "1m" || status === "provisional") return undefined;
  return isCorrection ? "u" : "b";
}

/** Encoded bars: all clients of an encoding get the same bytes. */
const written: Readonly<Record<Encoding, WeakMap<Item, string | Uint8Array>>> = {
  json: new WeakMap(),
  msgpack: new WeakMap(),
};

/** One array of bars. */
export function writeBars(items: readonly { item: Item; channel: string }[], encoding: Encoding): string | Uint8Array {
  const parts = items.map(({ item, channel }) => {
    let part = written[encoding].get(item);
    if (part === undefined) {
      const message = { T: channel, S: item.bar.symbol };
      part = encoding === "json"
        ? JSON.stringify({ ...message, ...alpacaBar(item.bar, isoTime) })
        : encode({ ...message, ...alpacaBar(item.bar, (ts) => new Date(ts)) });
      written[encoding].set(item, part);
    }
    return part;
  });
  return encoding === "json" ? `[${parts.join()}]` : joinArray(parts as Uint8Array[]);
}

/** A MessagePack array of encoded elements: its head of 16 bits, and the elements. */
function joinArray(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(3 + parts.reduce((sum, { length }) => sum + length, 0));
  joined.set([0xdc, parts.length >> 8, parts.length & 0xff]);
  let at = 3;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** An array of one message. */
export function write(message: object, encoding: Encoding): string | Uint8Array {
  return encoding === "json" ? JSON.stringify([message]) : encode([message]);
}

/** Reads a message of a client: an object; `undefined` for anything else. */
export function read(data: string | ArrayBuffer): Record<string, unknown> | undefined {
  try {
    const value = typeof data === "string" ? JSON.parse(data) : decode(new Uint8Array(data));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A venue: a fake endpoint that the market's prints go to, the faults that it can suffer, and what it makes of a bar.
 *
 * @module
 */
import type { Line } from "../support/lines.ts";
import type { Relay } from "../support/relay.ts";
import type { Print, Truth } from "./market.ts";
import type { Random } from "./random.ts";

/** A row as the table must hold it. */
export interface Expected {
  readonly symbol: string;
  readonly ts: number;
  /** Open, high, low, close, volume, VWAP and trades, as far as the provider always gives them. */
  readonly values: readonly (number | null)[];
  /** Any of these will do. */
  readonly statuses: readonly string[];
}

/** Inflicts a fault, and resolves when it is over. */
export type Inflict = (lengthMs: number) => Promise<void> | void;

/** See the module's description. */
export interface Venue extends AsyncDisposable {
  readonly provider: string;
  readonly symbols: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** See `MarketOptions`. */
  readonly correctionMs?: readonly [number, number];
  readonly tellsForming: boolean;
  /** Faults of this endpoint alone, by name. */
  readonly faults: Readonly<Record<string, Inflict>>;
  /** Between the stream and its clients. */
  readonly relay: Relay;
  /** The first bytes of a message. */
  readonly halfMessage: Uint8Array<ArrayBuffer>;
  /** A process is being started, to which some faults would be mistakes of its user. */
  starting?(): void;
  /** The next client that has subscribed. */
  line(): Promise<Line>;
  /** Makes a print known to history. */
  record(print: Print): void;
  /** A message with `marker` in it that is no record. */
  malformed(marker: string, random: Random): string;
  expect(truth: Truth): Expected;
}

/** The head of a WebSocket's text message of 512 bytes, and fewer bytes than that. */
export const HALF_WEBSOCKET_MESSAGE: Uint8Array<ArrayBuffer> = new Uint8Array(60).fill("[".charCodeAt(0));
HALF_WEBSOCKET_MESSAGE.set([0x81, 126, 2, 0]);

/** Waits for a moment of the clock. */
export async function sleepUntil(at: number): Promise<void> {
  for (let left = at - Date.now(); left > 0; left = at - Date.now()) {
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}

/** Waits that long. */
export const sleep = (ms: number): Promise<void> => sleepUntil(Date.now() + ms);

/**
 * What is fuzzed, and what must be true of whatever comes out of it.
 *
 * @module
 */
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { bar as kind } from "../../src/records/bar.ts";
import { TIMEFRAMES } from "../../src/records/timeframe.ts";

/** What came of a frame. */
export interface Reading {
  readonly bars: readonly FeedBar[];
  /** Parts that were rejected, and why. */
  readonly rejected: readonly string[];
}

/** A bar as the frame itself has it, read in another way than the parser's: symbol, start, prices, volume. */
export type Original = readonly [string, number, number, number, number, number, number];

/** A parser. */
export interface Parser {
  readonly name: string;
  /** Sound frames, as the endpoint sends them. */
  readonly frames: readonly string[];
  readonly symbols: readonly string[];
  /** Reads a frame; must not throw. */
  read(text: string): Reading;
  /** All that might be bars in the JSON of a frame. */
  originals(json: unknown): Iterable<Original>;
}

/** What was counted. */
export interface Tally {
  frames: number;
  bars: number;
  /** Bars that the pipeline would keep. */
  sound: number;
  rejected: number;
}

/**
 * Checks what a parser made of a frame.
 *
 * @throws {Error} If it accepted nonsense.
 */
export function check(parser: Parser, text: string, tally: Tally): void {
  const { bars, rejected } = parser.read(text);
  tally.frames++;
  tally.rejected += rejected.length;
  tally.bars += bars.length;
  for (const reason of rejected) if (reason.length < 5) fail(parser, text, `rejected because of "${reason}"`);
  if (bars.length === 0) return;
  const sent = new Set<string>();
  for (const original of parser.originals(JSON.parse(text))) sent.add(original.join(" "));
  for (const bar of bars) {
    const { symbol, timeframe, ts, open, high, low, close, volume, vwap } = bar;
    const shown = Deno.inspect(bar);
    if (!parser.symbols.includes(symbol)) fail(parser, text, `a bar of a symbol that was not asked for: ${shown}`);
    if (ts % TIMEFRAMES.get(timeframe)! !== 0) fail(parser, text, `a bar that begins between bars: ${shown}`);
    if (!sent.has([symbol, ts, open, high, low, close, volume].join(" "))) {
      fail(parser, text, `a bar with numbers that were not sent: ${shown}`);
    }
    // What follows the pipeline would find, and dead-letter.
    if (kind.validate({ ...bar, provider: parser.name, receivedAt: 1 }, Date.now()) !== undefined) continue;
    tally.sound++;
    if (![open, high, low, close, volume, vwap ?? 0].every(Number.isFinite) || volume < 0 || low > high) {
      fail(parser, text, `a bar that is nonsense, and passes for sound: ${shown}`);
    }
  }
}

function fail(parser: Parser, text: string, what: string): never {
  throw new Error(`${parser.name} accepted ${what}\nof the frame ${JSON.stringify(text)}`);
}

/**
 * A session that writes down what a feed does with it.
 *
 * @module
 */
import type { DoubtReason } from "../../src/coverage/coverage.ts";
import type { Feed, FeedBar, Session } from "../../src/providers/live/feed.ts";
import type { Rejected } from "../../src/records/frame.ts";

/** A range of a symbol in doubt. */
export interface Doubt {
  readonly symbol: string;
  readonly from: number;
  readonly to: number;
  readonly reason: DoubtReason;
}

/** One connection of a feed, and what came of it. */
export interface RecordedSession extends AsyncDisposable {
  readonly subscribed: readonly string[];
  readonly refused: readonly string[];
  readonly interrupted: readonly string[];
  readonly doubts: readonly Doubt[];
  readonly bars: readonly FeedBar[];
  readonly rejected: readonly Rejected[];
  /** Waits until `done` says that enough has happened. */
  until(done: () => boolean): Promise<void>;
  /** The error that the connection ended with. */
  readonly ended: Promise<unknown>;
}

/** Runs one connection of the feed. */
export function runSession(feed: Feed): RecordedSession {
  const subscribed: string[] = [];
  const refused: string[] = [];
  const doubts: Doubt[] = [];
  const interrupted: string[] = [];
  const bars: FeedBar[] = [];
  const rejected: Rejected[] = [];
  const stop = new AbortController();
  let wake = () => {};
  const session: Session = {
    signal: stop.signal,
    subscribed: (symbol) => (subscribed.push(symbol), wake()),
    warn: () => {},
    interrupted: (symbol) => void interrupted.push(symbol),
    doubt: (symbol, from, to, reason) => (doubts.push({ symbol, from, to, reason }), wake()),
    withhold: (symbols, reason) => (refused.push(...symbols.map((symbol) => `${symbol}: ${reason}`)), wake()),
    refuse: (symbol, reason) => (refused.push(`${symbol}: ${reason}`), wake()),
    emit: (some) => (bars.push(...some), wake()),
    reject: (item, reason) => (rejected.push({ item, reason }), wake()),
    alive: () => {},
    quiet: () => {},
  };
  const ended = feed.connect(session).then(() => undefined, (error) => error);
  return {
    subscribed,
    refused,
    doubts,
    interrupted,
    bars,
    rejected,
    ended,
    async until(done) {
      const failed = ended.then((error) => {
        if (!done()) throw error;
      });
      while (!done()) await Promise.race([new Promise<void>((resolve) => wake = resolve), failed]);
      failed.catch(() => {});
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await ended;
    },
  };
}

/**
 * A vendor's stream in memory.
 *
 * @module
 */
import { type Feed, FeedError, type Session } from "../../../src/providers/live/feed.ts";
import { isIn, type streamOf } from "../../model/streamed.ts";
import type { VirtualTime } from "../../model/virtual_time.ts";

/** What is streamed, and when it cannot be had. */
export interface StreamOptions {
  time: VirtualTime;
  symbols: readonly string[];
  messages: ReturnType<typeof streamOf>;
  outages: readonly { readonly from: number; readonly to: number }[];
}

/** How long the way to the vendor and back takes, in milliseconds. */
const LATENCY_MS = 40;

/** See the module's description. */
export interface LoadStream extends Pick<Feed, "connect"> {
  /** When it was connected last, in epoch ms. */
  readonly connectedAt: number;
}

/** Starts it. */
export function startStream({ time, symbols, messages, outages }: StreamOptions): LoadStream {
  let connectedAt = Infinity;
  const sessions = new Map<Session, (error: unknown) => void>();
  function sendNext(): void {
    const { value, done } = messages.next();
    if (done) return;
    time.at(value[0].at, () => {
      for (const session of [...sessions.keys()]) session.emit(value.map(({ bar }) => bar));
      sendNext();
    });
  }
  sendNext();
  for (const { from } of outages) {
    time.at(from, () => {
      for (const end of [...sessions.values()]) end(new FeedError("Connection closed", { reason: "closed" }));
    });
  }
  const connect = (session: Session) =>
    new Promise<void>((_, reject) => {
      const end = (error: unknown) => {
        sessions.delete(session);
        reject(error);
      };
      session.signal.addEventListener("abort", () => end(session.signal.reason), { once: true });
      time.at(time.now() + LATENCY_MS, () => {
        if (session.signal.aborted) return;
        if (isIn(outages, time.now())) return end(new FeedError("Connection refused", { reason: "connect" }));
        sessions.set(session, end);
        connectedAt = time.now();
        for (const symbol of symbols) session.subscribed(symbol);
      });
    });
  return {
    connect,
    get connectedAt() {
      return connectedAt;
    },
  };
}

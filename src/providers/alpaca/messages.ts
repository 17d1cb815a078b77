/**
 * Messages of Alpaca's stream: arrays of items, each with its type `T`.
 *
 * @module
 */
import { explainAhead, type FeedClock } from "../live/clock.ts";
import type { FeedBar, Session } from "../live/feed.ts";
import { readMessage } from "../live/transport/message.ts";
import { readBar } from "./bars.ts";

const MINUTE_MS = 60_000;

/** Handlers of control messages. */
export interface ControlHandlers {
  success(message: unknown): void;
  /** All symbols whose bars are subscribed, and those whose corrections are, if the server names them. */
  subscription(bars: readonly string[], updatedBars: readonly string[] | undefined): void;
  /** Returns whether the error is understood. */
  error(code: number, message: string): boolean;
}

const isSymbols = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((symbol) => typeof symbol === "string");

/** Creates a reader of messages for these symbols. It rejects malformed items one by one, and reads the rest. */
export function createMessageReader(
  session: Pick<Session, "emit" | "reject">,
  symbols: ReadonlySet<string>,
  handlers: ControlHandlers,
  clock?: FeedClock,
): (text: string) => void {
  /** Handles a control message, and returns its problem. */
  function control({ T: type, msg, code, bars, updatedBars }: Record<string, unknown>): string | undefined {
    if (type === "success") handlers.success(msg);
    else if (type === "subscription") {
      if (!isSymbols(bars) || (updatedBars !== undefined && updatedBars !== null && !isSymbols(updatedBars))) {
        return "subscription is not as documented";
      }
      handlers.subscription(bars, updatedBars ?? undefined);
    } else if (type === "error") {
      if (typeof code !== "number" || typeof msg !== "string") return "error is not as documented";
      if (!handlers.error(code, msg)) return "error is not expected";
    }
  }

  return (text) =>
    readMessage(session, text, (items, reject) => {
      if (!Array.isArray(items)) return reject(items, "message is not an array");
      const bars: FeedBar[] = [];
      const controls: Record<string, unknown>[] = [];
      for (const item of items) {
        const type = item?.T;
        if (type === "b" || type === "u") {
          const bar = readBar(item, item.S, type === "b" ? "final" : "correction");
          if (typeof bar === "string") reject(item, bar);
          else if (!symbols.has(bar.symbol)) reject(item, "symbol is not subscribed");
          else {
            clock?.barEnded(bar.symbol, bar.ts + MINUTE_MS);
            const ahead = explainAhead(bar.ts, MINUTE_MS, clock);
            if (ahead === undefined) bars.push(bar);
            else reject(item, ahead);
          }
        } else if (typeof type !== "string") reject(item, "item has no type");
        else controls.push(item);
      }
      // Emits the bars before an error in the same message ends the connection.
      session.emit(bars);
      for (const item of controls) {
        const reason = control(item);
        if (reason !== undefined) reject(item, reason);
      }
    });
}

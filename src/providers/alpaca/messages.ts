/**
 * Messages of Alpaca's stream: arrays of items, each with its type `T`.
 *
 * @module
 */
import type { FeedBar, Session } from "../live/feed.ts";
import { readBar } from "./bars.ts";

/** What is told of control messages. */
export interface ControlHandlers {
  success(message: unknown): void;
  subscription(message: Record<string, unknown>): void;
  /** Tells whether the error is understood. */
  error(code: unknown, message: unknown): boolean;
}

/** Makes a reader of messages. What is not as documented is rejected, item by item, and the rest goes on. */
export function createMessageReader(
  session: Pick<Session, "emit" | "reject">,
  handlers: ControlHandlers,
): (text: string) => void {
  return (text) => {
    let items: unknown;
    try {
      items = JSON.parse(text);
    } catch {
      return session.reject({ raw: text.slice(0, 1000) }, "message is not JSON");
    }
    if (!Array.isArray(items)) return session.reject(items, "message is not an array");
    const bars: FeedBar[] = [];
    const control: Record<string, unknown>[] = [];
    for (const item of items) {
      const type = item?.T;
      if (type === "b" || type === "u") {
        const bar = readBar(item, item.S, type === "b" ? "final" : "correction");
        if (bar === undefined) session.reject(item, "bar is not as documented");
        else bars.push(bar);
      } else if (typeof type !== "string") session.reject(item, "item has no type");
      else control.push(item);
    }
    // Before an error in the same message ends the connection.
    session.emit(bars);
    for (const item of control) {
      if (item.T === "success") handlers.success(item.msg);
      else if (item.T === "subscription") handlers.subscription(item);
      else if (item.T === "error" && !handlers.error(item.code, item.msg)) {
        session.reject(item, "error is not expected");
      }
    }
  };
}

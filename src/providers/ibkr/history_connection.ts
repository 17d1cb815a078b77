/**
 * A connection for history alone: opened on first use, and again after a loss.
 *
 * @module
 */
import { FeedError } from "../live/feed.ts";
import { CODE } from "./codes.ts";
import type { Connection, ConnectionOptions } from "./connection.ts";

/** The options that differ between connections. */
export type Opening = Pick<ConnectionOptions, "signal" | "onInfo" | "onPort" | "onUnreadable">;

/** A connection for history. */
export interface HistoryConnection {
  /**
   * The ready connection.
   *
   * @throws {FeedError} If it cannot be opened, or TWS has lost IBKR.
   */
  connection(): Promise<Connection>;
  /** Closes it, and waits until it is cleaned up. */
  close(): Promise<void>;
}

/** Creates one that is not open yet. */
export function createHistoryConnection(
  open: (given: Opening) => Promise<Connection>,
): HistoryConnection {
  const closing = new AbortController();
  let current: Promise<Connection> | undefined;
  let isOnline = true;

  async function connect(): Promise<Connection> {
    isOnline = true;
    const connection = await open({
      signal: closing.signal,
      onInfo(code) {
        if (code === CODE.lost || code === CODE.serverLost) isOnline = false;
        if (code === CODE.restoredWith || code === CODE.restoredWithout) isOnline = true;
      },
      // The next connection uses it.
      onPort: () => {},
      // An unreadable bar counts as missing.
      onUnreadable: () => {},
    });
    connection.ended.catch(() => current = undefined);
    return connection;
  }

  return {
    async connection() {
      const opening = current ??= connect();
      try {
        const connection = await opening;
        if (isOnline) return connection;
      } catch (error) {
        if (current === opening) current = undefined;
        throw error;
      }
      throw new FeedError("TWS has lost its connection to Interactive Brokers", { reason: "history" });
    },
    async close() {
      closing.abort(new Error("history is closed"));
      const connection = await current?.catch(() => undefined);
      await connection?.closed;
    },
  };
}

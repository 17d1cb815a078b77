/**
 * The meaning of Massive's statuses for the connection.
 *
 * @module
 */
import { FeedError } from "../live/feed.ts";

/** The error of a status; `undefined` if the connection continues. */
export function explainStatus(
  status: string,
  message: string,
  { cooldownMs }: { cooldownMs: number },
): FeedError | undefined {
  if (status === "auth_failed") {
    const help = /plan/i.test(message)
      ? "Streaming needs a plan with WebSocket access"
      : "Check MASSIVE_API_KEY (or POLYGON_API_KEY)";
    return new FeedError(`Massive refuses the key: ${message}. ${help}`, { isFatal: true, reason: "auth" });
  }
  if (status === "auth_timeout") {
    return new FeedError(`Massive did not wait for the key: ${message}`, { reason: "auth_timeout" });
  }
  if (status === "error" && /real.?time data/i.test(message)) {
    return new FeedError(
      `Massive gives this key no real-time data: ${message} ` +
        "Try: MASSIVE_STREAM_URL=wss://delayed.massive.com/stocks, which is a quarter of an hour late",
      { isFatal: true, reason: "entitlement" },
    );
  }
  return status === "max_connections" ? tooManyConnections(message, cooldownMs) : undefined;
}

/**
 * Another connection uses the same key; usually one is allowed. The server may close either, so the wait is long and
 * random: two clients must not evict each other every second.
 */
export function tooManyConnections(message: string, cooldownMs: number): FeedError {
  return new FeedError(
    `Massive closed the connection, probably because of another with the same key: ${message || "no reason given"}`,
    { cooldownMs: cooldownMs * (1 + Math.random() / 2), reason: "max_connections" },
  );
}

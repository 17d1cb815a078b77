/**
 * One WebSocket from its opening to its end.
 *
 * @module
 */
import { FeedError } from "../feed.ts";
import { withoutQuery } from "./rest.ts";

/** Events of a socket. */
export interface SocketHandlers {
  /** The socket is open; `send` sends JSON. */
  onOpen?(send: (message: unknown) => void): void;
  /** A message came. An error thrown here closes the socket and ends the run. */
  onMessage(text: string, send: (message: unknown) => void): void;
  /** The server closed the socket. An error thrown here replaces the usual one. */
  onClose?(code: number, reason: string): void;
  /** The handshake was answered with an HTTP status. An error thrown here replaces the usual one. */
  onRefused?(status: number): void;
}

/** Options of {@linkcode runSocket}. */
export interface SocketOptions extends SocketHandlers {
  url: string;
  /** Closes the socket; the run then throws its reason. */
  signal: AbortSignal;
  /** Longest wait for the opening, in milliseconds. @default {10000} */
  openTimeoutMs?: number;
  /**
   * Longest silence, heartbeats included, in milliseconds: then the connection is dead, even if the system does not
   * notice. `Infinity` if the server may be silent for ever.
   */
  silenceMs: number | (() => number);
}

/**
 * Runs a socket until it ends. Messages are handled as they come, as a socket cannot be paused.
 *
 * @throws {FeedError} At its end, always, with the close code if there is one.
 * @throws An error of a handler, or the signal's reason.
 */
export function runSocket(options: SocketOptions): Promise<never> {
  const { url, signal, openTimeoutMs = 10_000, silenceMs } = options;
  const name = withoutQuery(url);
  return new Promise<never>((_, reject) => {
    signal.throwIfAborted();
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;

    function end(error: unknown): void {
      isOver = true;
      clearTimeout(watchdog);
      signal.removeEventListener("abort", abort);
      socket.onopen =
        socket.onmessage =
        socket.onerror =
        socket.onclose =
          null;
      // Late errors of a closed socket have no listener.
      socket.onerror = (event) => event.preventDefault();
      if (socket.readyState <= WebSocket.OPEN) socket.close();
      reject(error);
    }
    function watch(ms: number, message: string): void {
      clearTimeout(watchdog);
      if (ms < Infinity) watchdog = setTimeout(() => end(new FeedError(message, { reason: "silence" })), ms);
    }
    function listen(): void {
      const ms = typeof silenceMs === "number" ? silenceMs : silenceMs();
      watch(ms, `Nothing came from ${name} for ${ms} ms`);
    }
    function attempt(handle: () => void): void {
      try {
        handle();
      } catch (error) {
        end(error);
      }
    }
    const abort = () => end(signal.reason);
    const send = (message: unknown) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    };

    signal.addEventListener("abort", abort, { once: true });
    watch(openTimeoutMs, `Cannot open ${name} within ${openTimeoutMs} ms`);
    socket.onopen = () => {
      listen();
      attempt(() => options.onOpen?.(send));
    };
    socket.onmessage = ({ data }) => {
      // Some servers send their text as bytes; other bytes make an unreadable message.
      const text = typeof data === "string" ? data : new TextDecoder().decode(data);
      attempt(() => options.onMessage(text, send));
      // The last message may change the longest silence.
      if (!isOver) listen();
    };
    socket.onerror = (event) => {
      event.preventDefault();
      const { message } = event as ErrorEvent;
      // Deno has the status of a refused handshake only in its message.
      const status = /Invalid status code: (\d{3})/.exec(message)?.[1];
      if (status !== undefined) attempt(() => options.onRefused?.(Number(status)));
      end(new FeedError(`Connection to ${name} failed: ${message || "no reason given"}`, { reason: "connect" }));
    };
    // Deno shows an abrupt loss as code 0.
    socket.onclose = ({ code, reason }) => {
      attempt(() => options.onClose?.(code, reason));
      const why = reason === "" ? "" : `, ${reason}`;
      end(new FeedError(`${name} closed the connection (code ${code}${why})`, { reason: "closed" }));
    };
  });
}

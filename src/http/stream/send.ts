/**
 * Sends a session to its reader, no faster than it reads: as server-sent events, or over a WebSocket.
 *
 * @module
 */
import type { Message } from "../../stream/message.ts";

/** Messages, a few at a time; ends with the stream. */
export type Messages = AsyncIterator<readonly Message[], void>;

/** Wait of a browser before it reconnects, in milliseconds. */
const RETRY_MS = 1000;

/** Answers with server-sent events. `onEnd` is called once, also if the reader leaves. */
export function sendEvents(messages: Messages, onEnd: () => void): Response {
  const encoder = new TextEncoder();
  const write = ({ text, cursor }: Message) => `${cursor === undefined ? "" : `id: ${cursor}\n`}data: ${text}\n\n`;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
    async pull(controller) {
      const { done, value } = await messages.next();
      if (!done) return controller.enqueue(encoder.encode(value.map(write).join("")));
      onEnd();
      controller.close();
    },
    cancel: onEnd,
  }, { highWaterMark: 1 });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}

/** Most bytes on their way to a WebSocket, whose own buffer has no bound. */
const MAX_BUFFERED = 256 * 1024;
/** Interval of checking them, in milliseconds. */
const LOOK_MS = 20;
/** Time without an answer to a ping after which a reader counts as gone, in seconds. */
const IDLE_SECONDS = 30;

/** A WebSocket of the server. */
export interface Sender {
  readonly socket: WebSocket;
  readonly response: Response;
  /** Waits until the reader has taken most of the sent bytes; false if it has left. */
  ready(): Promise<boolean>;
}

/** Accepts a WebSocket. */
export function accept(request: Request): Sender {
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: IDLE_SECONDS });
  const opened = new Promise<void>((resolve) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("close", () => resolve(), { once: true });
  });
  // An error is followed by a close.
  socket.addEventListener("error", (event) => event.preventDefault());
  return {
    socket,
    response,
    async ready() {
      await opened;
      while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > MAX_BUFFERED) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return socket.readyState === WebSocket.OPEN;
    },
  };
}

/** Sends messages over a WebSocket, several in one text frame, one a line. `onEnd` is called once. */
export function sendOverSocket(request: Request, messages: Messages, onEnd: () => void): Response {
  const { socket, response, ready } = accept(request);
  socket.addEventListener("close", onEnd);
  async function send(): Promise<void> {
    while (await ready()) {
      const { done, value } = await messages.next();
      if (done) break;
      if (socket.readyState === WebSocket.OPEN) socket.send(value.map(({ text }) => text).join("\n"));
    }
    if (socket.readyState === WebSocket.OPEN) socket.close(1001);
  }
  send().catch(() => socket.close());
  return response;
}

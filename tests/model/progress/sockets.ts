/**
 * Counts what passes sockets.
 *
 * @module
 */
import net from "node:net";
import type { Count } from "./count.ts";

/** Counts requests; gives what ends that. */
export function watchFetch({ began, ended }: Count): () => void {
  const real = globalThis.fetch;
  globalThis.fetch = async (...request) => {
    began();
    try {
      const response = await real(...request);
      // Read to its end here, so that none of it is on its way any more.
      const body = await response.arrayBuffer();
      return new Response(body.byteLength === 0 ? null : body, { status: response.status, headers: response.headers });
    } finally {
      ended();
    }
  };
  return () => globalThis.fetch = real;
}

/** Counts connections and messages of WebSockets, at both ends; gives what ends that. */
export function watchWebSockets(count: Count): () => void {
  const { began, ended, touch } = count;
  const { WebSocket: Real } = globalThis;
  const { send, close } = Real.prototype;
  const upgrade = Deno.upgradeWebSocket;

  /** Follows one end of a connection, from its opening on. */
  function follow(socket: WebSocket): void {
    began();
    const opened = Promise.withResolvers<void>();
    for (const type of ["open", "error", "close"]) socket.addEventListener(type, () => opened.resolve());
    opened.promise.then(ended);
    socket.addEventListener("close", touch);
    socket.addEventListener("message", () => {
      touch();
      count.messages = Math.max(0, count.messages - 1);
    });
  }

  Real.prototype.send = function (...given) {
    touch();
    count.messages++;
    return send.apply(this, given);
  };
  Real.prototype.close = function (...given) {
    touch();
    return close.apply(this, given);
  };
  globalThis.WebSocket = class extends Real {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      follow(this);
    }
  };
  Deno.upgradeWebSocket = (...given) => {
    const upgraded = upgrade(...given);
    follow(upgraded.socket);
    return upgraded;
  };
  return () => {
    globalThis.WebSocket = Real;
    Deno.upgradeWebSocket = upgrade;
    Object.assign(Real.prototype, { send, close });
  };
}

/** Counts connections and writes of Node's sockets; gives what ends that. */
export function watchTcp({ began, ended, touch }: Count): () => void {
  const socket = net.Socket.prototype as unknown as Record<"write" | "connect", (...given: unknown[]) => unknown>;
  const { write, connect } = socket;
  socket.write = function (this: net.Socket, ...given) {
    touch();
    return write.apply(this, given);
  };
  socket.connect = function (this: net.Socket, ...given) {
    began();
    const connected = Promise.withResolvers<void>();
    for (const type of ["connect", "error", "close"]) this.once(type, () => connected.resolve());
    connected.promise.then(ended);
    return connect.apply(this, given);
  };
  return () => void Object.assign(socket, { write, connect });
}

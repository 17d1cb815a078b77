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

/**
 * Counts connections of Node's sockets, and what passes between them and Deno's, whose `methods` are given; gives what ends
 * that.
 */
export function watchTcp(count: Count, methods: Pick<Deno.TcpConn, "read" | "write">): () => void {
  const { began, ended, touch } = count;
  const node = net.Socket.prototype as unknown as Record<
    "write" | "connect" | "emit",
    (...given: unknown[]) => unknown
  >;
  const { write, connect, emit } = node;
  const { read, write: give } = methods;
  const size = (data: unknown) => typeof data === "string" ? data.length : (data as Uint8Array)?.length ?? 0;

  function sent(bytes: number): void {
    touch();
    count.bytes += bytes;
  }
  function came(bytes: number): void {
    touch();
    count.bytes = Math.max(0, count.bytes - bytes);
  }

  node.write = function (this: net.Socket, ...given) {
    sent(size(given[0]));
    return write.apply(this, given);
  };
  node.emit = function (this: net.Socket, ...given) {
    if (given[0] === "data") came(size(given[1]));
    return emit.apply(this, given);
  };
  node.connect = function (this: net.Socket, ...given) {
    began();
    const connected = Promise.withResolvers<void>();
    for (const type of ["connect", "error", "close"]) this.once(type, () => connected.resolve());
    connected.promise.then(ended);
    return connect.apply(this, given);
  };
  methods.write = async function (this: Deno.TcpConn, data) {
    const written = await give.call(this, data);
    sent(written);
    return written;
  };
  methods.read = async function (this: Deno.TcpConn, room) {
    const bytes = await read.call(this, room);
    came(bytes ?? 0);
    return bytes;
  };
  return () => {
    Object.assign(node, { write, connect, emit });
    Object.assign(methods, { read, write: give });
  };
}

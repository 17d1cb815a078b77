/**
 * Connects over TCP so that no error of a socket can end the program, and TLS works on every version of Deno.
 *
 * @module
 */
import type { Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import {
  DataBuffer,
  extractProtocolMessage,
  INFO,
  NatsConnectionImpl,
  type ServerInfo,
  setTransportFactory,
} from "@nats-io/nats-core/internal";
import { type ConnectionOptions, errors, type NatsConnection } from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/transport";

/**
 * The library's transport, with corrections to two of its steps (seen with 3.4.0):
 *
 * - It removes all listeners from a socket that it gives up. If the server resets the connection at that moment, as
 *   after a refusal, the error has no listener and would end the process: so sockets keep one.
 * - It starts TLS after awaiting the server's first line. By then Deno 2.7 reads on, and the handshake gets no answer:
 *   so TLS starts while the line is being read.
 */
class SafeTransport extends NodeTransport {
  #handshake: Promise<TLSSocket> | undefined;

  constructor(readonly onError: (error: Error) => void) {
    super();
  }

  override async dial(address: Parameters<NodeTransport["dial"]>[0]): Promise<Socket> {
    const socket = guard(await super.dial(address), this.onError);
    // The library sets it before the connection exists, which Deno 2.7 forgets, so that requests would wait for 40 ms.
    // But it remembers the setting, and ignores an equal one: hence both calls.
    return socket.setNoDelay(false).setNoDelay(true);
  }

  override peekInfo(): Promise<ServerInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<ServerInfo>();
    const { socket } = this;
    const read = (frame: Uint8Array) => {
      // Kept for the parser of the protocol, which needs the line, too.
      this.yields.push(frame);
      const line = extractProtocolMessage(DataBuffer.concat(...this.yields));
      if (line === "") return;
      socket.off("data", read).off("error", reject).off("close", closed);
      try {
        const info: ServerInfo = JSON.parse(INFO.exec(line)![1]);
        if (info.tls_required || info.tls_available && this.options.tls !== null) this.#handshake = this.#shakeHands();
        resolve(info);
      } catch (cause) {
        reject(new Error("The server is not a NATS server: its first line is not INFO", { cause }));
      }
    };
    const closed = () => reject(new Error("The server closed the connection without a message"));
    socket.on("data", read).on("error", reject).on("close", closed);
    return promise;
  }

  override async startTLS(): Promise<TLSSocket> {
    return await this.#handshake!;
  }

  /** Starts TLS on the connection; files are read again each time, as certificates are renewed. */
  async #shakeHands(): Promise<TLSSocket> {
    const { caFile, certFile, keyFile } = this.options.tls ?? {};
    const [ca, cert, key] = [caFile, certFile, keyFile].map((path) => path && Deno.readTextFileSync(path));
    const socket = guard(connectTls({ ca, cert, key, socket: this.socket, servername: this.tlsName }), this.onError);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const closed = () => reject(new Error("The server closed the connection during the TLS handshake"));
    socket.on("secureConnect", resolve).on("error", reject).on("close", closed);
    await promise;
    socket.off("secureConnect", resolve).off("error", reject).off("close", closed);
    return socket;
  }
}

/** Keeps an error listener on a socket. */
function guard<S extends Socket>(socket: S, onError: (error: Error) => void): S {
  const remove = socket.removeAllListeners;
  socket.removeAllListeners = (name?: string | symbol) => {
    // Passed as an argument, `undefined` would be the name of an event.
    if (name === undefined) remove.call(socket);
    else remove.call(socket, name);
    return socket.on("error", onError);
  };
  return socket.on("error", onError);
}

/**
 * Connects as the library does.
 *
 * @throws {Error} If no server can be reached, or all refuse this program.
 */
export async function connect(options: ConnectionOptions): Promise<NatsConnection> {
  let last: Error | undefined;
  const factory = () => new SafeTransport((error) => last = error);
  setTransportFactory({ factory, dnsResolveFn: nodeResolveHost });
  try {
    return await NatsConnectionImpl.connect(options);
  } catch (error) {
    // On Deno 2.7 an untrusted certificate shows after the handshake, when the library waits for an answer.
    throw error instanceof errors.TimeoutError && last !== undefined ? last : error;
  }
}

/**
 * A listener that survives a lack of open files, and limits its connections.
 *
 * @module
 */
import { COMMON_LIMIT, countOpenFiles } from "../open_files.ts";

/** Pause before accepting again after a failure, in milliseconds. */
const ACCEPT_AGAIN_MS = 500;
/** Most connections, for any number of open files, as each takes memory, too. */
const MAX_CONNECTIONS = 1000;
/** Longest time to send a complete answer, in milliseconds. */
const FLUSH_MS = 1000;
/** The answer to a connection beyond the limit. */
const BUSY = new TextEncoder().encode(
  "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 21\r\nconnection: close\r\n\r\n" +
    "Too many connections\n",
);

/** A server that listens until it is shut down. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** Closes the listener, and resolves when requests in flight are answered. */
  shutdown(): Promise<void>;
}

/** Options of {@linkcode keepListening}. */
export interface ListenOptions {
  hostname: string;
  /** 0 means any free port. */
  port: number;
  handler: Deno.ServeHandler<Deno.NetAddr>;
  onListen: (address: Deno.NetAddr) => void;
  onError: (error: unknown) => Response;
  /** Called with the reason when a connection cannot be accepted; accepted ones stay. */
  onFailure: (error: Error) => void;
  /** Most files that the process may have open. @default {1024} */
  maxOpenFiles?: number | undefined;
  /** Called with the number of connections when the limit is reached; again after it has halved. */
  onCrowd: (connections: number) => void;
}

/** Serves one connection, as `Deno.serve` does with each accepted one. */
type ServeConnection = (
  connection: Deno.TcpConn,
  signal: AbortSignal,
  handler: Deno.ServeHandler<Deno.NetAddr>,
  onError: (error: unknown) => Response,
  onListen: () => void,
) => { readonly finished: Promise<void>; shutdown(): Promise<void> };

/** A served connection. */
interface Served {
  /** Number of requests without a complete answer. */
  inFlight: number;
  /** When it was accepted, or had its last complete answer. */
  quietSince: number;
  /** Closes it at once, and resolves when it is closed. */
  abort(): Promise<void>;
  /** Closes it after its requests are answered. */
  shutdown(): Promise<void>;
}

/**
 * Finds the server of one connection. `Deno.serve` accepts connections itself, without a limit, and the public
 * interface offers nothing for connections accepted elsewhere: this is the part of the runtime that its `node:http`
 * uses for them.
 */
function findServeConnection(): ServeConnection {
  const runtime = Deno as unknown as { internal: symbol } & Record<symbol, { serveHttpOnConnection?: ServeConnection }>;
  const found = runtime[runtime.internal]?.serveHttpOnConnection;
  if (found === undefined) throw new Error(`Deno ${Deno.version.deno} cannot serve single connections: take 2.9.6`);
  return found;
}

/**
 * Listens. Connections may use half of the files that are free at the start, as databases and feeds need theirs. A
 * further connection replaces the one that has been without a complete request for longest; if each has a request in
 * flight, the answer is 503.
 *
 * If the process may open no more files, accepting fails, and is tried again.
 *
 * @throws {Error} If it cannot listen on the address.
 */
export function keepListening(
  { hostname, port, handler, onListen, onError, onFailure, onCrowd, maxOpenFiles = COMMON_LIMIT }: ListenOptions,
): Listening {
  const serveConnection = findServeConnection();
  const listener = Deno.listen({ hostname, port });
  const addr = listener.addr as Deno.NetAddr;
  const left = maxOpenFiles - (countOpenFiles() ?? 0);
  const maxConnections = Math.max(1, Math.min(Math.floor(left / 2), MAX_CONNECTIONS));
  /** Connections, the longest quiet first. */
  const connections = new Set<Served>();
  let isCrowded = false;
  let isClosed = false;
  const closed = Promise.withResolvers<void>();

  function serve(connection: Deno.TcpConn): void {
    connection.setNoDelay(true);
    const abort = new AbortController();
    const handle: Deno.ServeHandler<Deno.NetAddr> = (request, info) => {
      served.inFlight++;
      const settle = () => {
        served.inFlight--;
        served.quietSince = performance.now();
        if (connections.delete(served)) connections.add(served);
      };
      info.completed.then(settle, settle);
      const response = handler(request, info);
      // A connection that has become a WebSocket is in use until it is closed.
      Promise.resolve(response).then(({ status }) => status === 101 && served.inFlight++, () => {});
      return response;
    };
    const server = serveConnection(connection, abort.signal, handle, onError, () => {});
    const served: Served = {
      inFlight: 0,
      quietSince: performance.now(),
      abort() {
        abort.abort();
        return finished;
      },
      // The peer may have closed it meanwhile.
      shutdown: () => server.shutdown().catch(() => {}),
    };
    connections.add(served);
    const forget = () => void connections.delete(served);
    const finished = server.finished.then(forget, forget);
  }

  /** Makes room for one more; returns whether there is some. */
  async function makeRoom(): Promise<boolean> {
    if (connections.size < maxConnections) {
      isCrowded &&= connections.size > maxConnections / 2;
      return true;
    }
    if (!isCrowded) onCrowd(connections.size);
    isCrowded = true;
    const quiet = connections.values().find(({ inFlight }) => inFlight === 0);
    if (quiet === undefined) return false;
    await quiet.abort();
    return true;
  }

  async function refuse(connection: Deno.TcpConn): Promise<void> {
    using _closing = connection;
    // The buffer of a new connection has room for it.
    await connection.write(BUSY).catch(() => {});
  }

  async function accept(): Promise<void> {
    while (!isClosed) {
      try {
        const connection = await listener.accept();
        if (await makeRoom()) serve(connection);
        else await refuse(connection);
      } catch (error) {
        if (isClosed) return;
        onFailure(error as Error);
        const pause = Promise.withResolvers<void>();
        const timer = setTimeout(pause.resolve, ACCEPT_AGAIN_MS);
        await Promise.race([pause.promise, closed.promise]);
        clearTimeout(timer);
      }
    }
  }

  onListen(addr);
  const accepting = accept();
  return {
    addr,
    async shutdown() {
      if (!isClosed) listener.close();
      isClosed = true;
      closed.resolve();
      await accepting;
      await Promise.all(Array.from(connections, (each) => {
        const isIdle = each.inFlight === 0 && performance.now() - each.quietSince > FLUSH_MS;
        return isIdle ? each.abort() : each.shutdown();
      }));
    },
  };
}

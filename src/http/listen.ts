/**
 * Listening that outlives a lack of open files.
 *
 * @module
 */

/** Pause before listening again after a failure, in milliseconds. */
const LISTEN_AGAIN_MS = 500;

/** A server that listens until it is shut down. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** Closes the listener, and resolves when requests in flight have their answer. */
  shutdown(): Promise<void>;
}

/** Options of {@linkcode keepListening}. */
export interface ListenOptions {
  hostname: string;
  /** 0 takes any free port, and keeps it. */
  port: number;
  handler: Deno.ServeHandler<Deno.NetAddr>;
  onListen: (address: Deno.NetAddr) => void;
  onError: (error: unknown) => Response;
  /** Called with the reason when the listener fails; connections that it has accepted go on. */
  onFailure: (error: Error) => void;
}

/**
 * Listens. Where the process may open no more files, accepting fails and ends a server: then another one listens at the
 * same address as soon as that is possible.
 *
 * @throws {Error} If the address cannot be had.
 */
export function keepListening(
  { hostname, port, handler, onListen, onError, onFailure }: ListenOptions,
): Listening {
  const serve = (port: number, onListen: (address: Deno.NetAddr) => void) =>
    Deno.serve({ hostname, port, onListen, onError }, handler);
  let server = serve(port, onListen);
  const { addr } = server;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function listenAgain(): void {
    if (isClosed) return;
    try {
      server = serve(addr.port, () => {});
      watch(server);
    } catch {
      timer = setTimeout(listenAgain, LISTEN_AGAIN_MS);
    }
  }

  function watch({ finished }: Deno.HttpServer<Deno.NetAddr>): void {
    finished.catch((error) => {
      if (isClosed) return;
      onFailure(error);
      timer = setTimeout(listenAgain, LISTEN_AGAIN_MS);
    });
  }

  watch(server);
  return {
    addr,
    async shutdown() {
      isClosed = true;
      clearTimeout(timer);
      // A server that has failed is shut down already.
      await server.shutdown().catch(() => {});
    },
  };
}

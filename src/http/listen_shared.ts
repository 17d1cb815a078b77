/**
 * Listening on Deno 2.9, which closes a WebSocket as soon as the server of its connection has ended: there one server has all
 * connections, and their number has no limit.
 *
 * @module
 */
import type { Listening, ListenOptions } from "./listen.ts";

/** Open files from which on connections need no limit: fewer can be used up by idle connections. */
export const SHARED_FILES = 4096;
/** Pause before listening again after a failure, in milliseconds. */
const LISTEN_AGAIN_MS = 500;

/** Whether a WebSocket needs a server that many connections share. The binary's Deno, 2.7, does not. */
const closesWebSockets = /^2\.9\./.test(Deno.version.deno);

/** Whether to listen in this way: if few files may be open, the limit of connections matters more. */
export const mustShare = ({ maxOpenFiles = 0 }: Pick<ListenOptions, "maxOpenFiles">): boolean =>
  closesWebSockets && maxOpenFiles >= SHARED_FILES;

/** Whether a WebSocket can be accepted. */
export const acceptsWebSockets = (maxOpenFiles?: number): boolean => !closesWebSockets || mustShare({ maxOpenFiles });

/**
 * Listens with one server for all connections. If the server fails, for instance without a free file, it listens again.
 *
 * @throws {Error} If it cannot listen on the address.
 */
export function listenShared({ hostname, port, handler, onListen, onError, onFailure }: ListenOptions): Listening {
  let server = Deno.serve({ hostname, port, onListen, onError }, handler);
  const addr = server.addr as Deno.NetAddr;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;

  function watch(): void {
    server.finished.catch((error) => {
      if (isOver) return;
      onFailure(error);
      listenAgain();
    });
  }

  function listenAgain(): void {
    timer = setTimeout(() => {
      try {
        server = Deno.serve({ hostname, port: addr.port, onListen() {}, onError }, handler);
        watch();
      } catch (error) {
        onFailure(error as Error);
        listenAgain();
      }
    }, LISTEN_AGAIN_MS);
  }

  watch();
  return {
    addr,
    async shutdown() {
      isOver = true;
      clearTimeout(timer);
      await server.shutdown();
    },
  };
}

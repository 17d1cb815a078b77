/**
 * Listening on Deno 2.9, which closes a WebSocket as soon as the server of its connection has ended: there one server has all
 * connections, and their number has no limit.
 *
 * @module
 */
import type { Listening, ListenOptions } from "./listen.ts";

/**
 * Open files from which on connections go without a limit: a few idle ones can use up fewer. Without a free file, Deno's own
 * server panics.
 */
export const SHARED_FILES = 4096;
/** Whether a WebSocket needs a server that many connections share. The binary's Deno, 2.7, does not. */
const closesWebSockets = /^2\.9\./.test(Deno.version.deno);

/** Whether to listen in this way: if few files may be open, the limit of connections matters more. */
export const mustShare = ({ maxOpenFiles = 0 }: Pick<ListenOptions, "maxOpenFiles">): boolean =>
  closesWebSockets && maxOpenFiles >= SHARED_FILES;

/** Whether a WebSocket can be accepted. */
export const acceptsWebSockets = (maxOpenFiles?: number): boolean => !closesWebSockets || mustShare({ maxOpenFiles });

/**
 * Listens with one server for all connections.
 *
 * @throws {Error} If it cannot listen on the address.
 */
export function listenShared({ hostname, port, handler, onListen, onError }: ListenOptions): Listening {
  const server = Deno.serve({ hostname, port, onListen, onError }, handler);
  return { addr: server.addr as Deno.NetAddr, shutdown: () => server.shutdown() };
}

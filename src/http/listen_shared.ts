/**
 * Listening on Deno 2.9, which closes a WebSocket as soon as the server of its connection has ended: there one server has all
 * connections, and their number has no limit.
 *
 * @module
 */
import { COMMON_LIMIT } from "../open_files.ts";
import type { Listening, ListenOptions } from "./listen.ts";

/** Whether a WebSocket needs a server that many connections share. The binary's Deno, 2.7, does not. */
const closesWebSockets = /^2\.9\./.test(Deno.version.deno);

/** Whether to listen in this way: where few files may be open, the limit of connections matters more. */
export const mustShare = ({ maxOpenFiles = COMMON_LIMIT }: Pick<ListenOptions, "maxOpenFiles">): boolean =>
  closesWebSockets && maxOpenFiles >= COMMON_LIMIT;

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

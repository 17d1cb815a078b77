/**
 * Listening that outlives a lack of open files, and takes no more than half of them.
 *
 * @module
 */
import { COMMON_LIMIT, countOpenFiles } from "../open_files.ts";

/** How often open files are counted, in milliseconds. */
const COUNT_EVERY_MS = 100;

/** Pause before listening again after a failure, in milliseconds. */
const LISTEN_AGAIN_MS = 500;
/** Pause before trying again where the listener of before is not closed yet, in milliseconds. */
const IN_USE_MS = 10;

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
  /** Called with the reason when the listener fails; accepted connections stay. */
  onFailure: (error: Error) => void;
  /** Most files that the process may have open. @default {1024} */
  maxOpenFiles?: number;
  /** Called when idle connections are closed, with the number of open files. */
  onCrowd: (openFiles: number) => void;
}

/**
 * Listens. Where the process may open no more files, accepting fails and ends a server: then another one listens at the
 * same address as soon as that is possible.
 *
 * Connections may take half of the files that are left when it begins, as databases and feeds need theirs. When they have more,
 * a new server takes the place of the one that listens, whose shutdown closes those without a request in flight.
 *
 * @throws {Error} If it cannot listen on the address.
 */
export function keepListening(
  { hostname, port, handler, onListen, onError, onFailure, onCrowd, maxOpenFiles = COMMON_LIMIT }: ListenOptions,
): Listening {
  const serve = (port: number, onListen: (address: Deno.NetAddr) => void) =>
    Deno.serve({ hostname, port, onListen, onError }, handler);
  let server = serve(port, onListen);
  const { addr } = server;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const retired = new Set<Promise<void>>();
  /** Files that are open beside the connections. */
  let base = countOpenFiles() ?? 0;
  let hasShed = false;

  function listenAgain(): void {
    if (isClosed) return;
    try {
      server = serve(addr.port, () => {});
      watch(server);
    } catch (error) {
      timer = setTimeout(listenAgain, error instanceof Deno.errors.AddrInUse ? IN_USE_MS : LISTEN_AGAIN_MS);
    }
  }

  function watch(watched: Deno.HttpServer<Deno.NetAddr>): void {
    watched.finished.catch((error) => {
      if (isClosed || watched !== server) return;
      onFailure(error);
      timer = setTimeout(listenAgain, LISTEN_AGAIN_MS);
    });
  }

  /** Closes the connections without a request in flight; the others stay. */
  function shed(openFiles: number): void {
    onCrowd(openFiles);
    const closing = server.shutdown().catch(() => {}).finally(() => retired.delete(closing));
    retired.add(closing);
    clearTimeout(timer);
    listenAgain();
  }

  function count(): void {
    const openFiles = countOpenFiles();
    if (openFiles === undefined) return;
    base = Math.min(base, openFiles);
    const isCrowded = openFiles - base > (maxOpenFiles - base) / 2;
    // A connection that a shutdown did not close is not idle.
    if (isCrowded && hasShed) base = openFiles;
    else if (isCrowded) shed(openFiles);
    hasShed = isCrowded && !hasShed;
  }

  watch(server);
  const counting = setInterval(count, COUNT_EVERY_MS);
  return {
    addr,
    async shutdown() {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(counting);
      // A server that has failed is shut down already.
      await Promise.all([server.shutdown().catch(() => {}), ...retired]);
    },
  };
}

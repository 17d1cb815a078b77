/**
 * The live stream of a process: its hub, its readers, and their limit.
 *
 * @module
 */
import { borrow, createPool } from "../../database/pool.ts";
import type { Database } from "../../database/database.ts";
import { CursorError } from "../../stream/changes.ts";
import { createHub, type Hub } from "../../stream/hub.ts";
import { type Message, writeError, writeEvent } from "../../stream/message.ts";
import { openSession, type StreamEvent } from "../../stream/session.ts";
import { type Borrow, createSource, type Source } from "../../stream/source.ts";
import type { ReaderMetrics } from "../../telemetry/reader_metrics.ts";
import { RequestError } from "../body.ts";
import { acceptsWebSockets, SHARED_FILES } from "../listen_shared.ts";
import { type Asked, readQuery } from "./parameters.ts";
import { sendEvents, sendOverSocket } from "./send.ts";

/** Connections for readers: few, so that readers who reconnect together do not slow the lanes down. */
const CONNECTIONS = 2;
/** Most symbols of a reader named in the log. */
const NAMED = 5;

/** Options of {@linkcode createStreamService}. */
export interface StreamServiceOptions {
  readonly database: Database;
  /** Most readers at once. */
  readonly maxClients: number;
  /** Most files that the process may have open, if known. */
  readonly maxOpenFiles?: number | undefined;
  readonly metrics: ReaderMetrics;
  readonly log: (message: string) => void;
}

/** An admitted reader; end it when it leaves. */
export interface Admitted {
  readonly signal: AbortSignal;
  /** Counts messages that were sent. */
  sent(count: number): void;
  end(): void;
}

/** The stream; disposing of it ends all readers. */
export interface StreamService extends Disposable {
  readonly hub: Hub;
  readonly source: Source;
  /** Number of readers of a tenant, or of all. */
  clients(tenant?: string): number;
  /** Answers `/api/stream` for a tenant, or for all. */
  open(request: Request, query: URLSearchParams, tenant: string | undefined, address: string): Promise<Response>;
  /**
   * Admits a reader.
   *
   * @throws {RequestError} If there are too many (503).
   */
  admit(address: string, tenant: string | undefined, transport: string, wants: string): Admitted;
}

/** Creates the stream. */
export function createStreamService(
  { database, maxClients, maxOpenFiles, metrics, log }: StreamServiceOptions,
): StreamService {
  const lend = (size: number, owner: string): Borrow => {
    const pool = createPool(database, size);
    // Entered for good: the connections stay.
    for (let at = 0; at < size; at++) closing.use(pool.enter(owner));
    return (work, signal) => borrow({ pool, database }, owner, work, signal);
  };
  const closing = new AsyncDisposableStack();
  const hub = createHub({ borrow: lend(1, "stream hub"), warn: log, onLook: metrics.looked });
  const source = createSource(lend(Math.max(1, Math.min(CONNECTIONS, database.maxConnections)), "stream readers"));
  /** The tenant of each reader; `undefined` for one of all. */
  const readers = new Map<AbortController, string | undefined>();

  const service: StreamService = {
    hub,
    source,
    clients: (tenant) =>
      tenant === undefined ? readers.size : [...readers.values()].filter((each) => each === tenant).length,
    admit(address, tenant, transport, wants) {
      const by = tenant === undefined ? address : `${address} for ${tenant}`;
      if (readers.size >= maxClients) {
        throw new RequestError(`Too many read the stream: expected at most ${maxClients}; see --stream-clients`, 503);
      }
      const reader = new AbortController();
      readers.set(reader, tenant);
      metrics.clients(transport, 1);
      const since = Date.now();
      let messages = 0;
      log(`Stream opened by ${by} over ${transport}: ${wants}`);
      return {
        signal: reader.signal,
        sent(count) {
          messages += count;
          metrics.sent(count);
        },
        end() {
          if (!readers.delete(reader)) return;
          reader.abort();
          metrics.clients(transport, -1);
          const seconds = Math.round((Date.now() - since) / 1000);
          log(`Stream of ${by} over ${transport} closed: ${messages} messages in ${seconds} s`);
        },
      };
    },
    async open(request, query, tenant, address) {
      const isSocket = request.headers.get("upgrade")?.toLowerCase() === "websocket";
      if (isSocket) checkSocket(request, maxOpenFiles);
      const asked = readQuery(query, request.headers.get("last-event-id"), tenant);
      const admitted = service.admit(address, tenant, isSocket ? "websocket" : "sse", describe(asked));
      const session = openSession({ hub, source, ...asked, signal: admitted.signal });
      try {
        // Before the answer, since a cursor that cannot be continued has its own status.
        const first = await session.next();
        const messages = writeAll(first, session, admitted, metrics);
        return isSocket ? sendOverSocket(request, messages, admitted.end) : sendEvents(messages, admitted.end);
      } catch (error) {
        admitted.end();
        if (error instanceof CursorError) throw new RequestError(error.message, 410);
        throw error;
      }
    },
    [Symbol.dispose]() {
      for (const reader of readers.keys()) reader.abort();
      hub[Symbol.dispose]();
      closing.disposeAsync().catch(() => {});
    },
  };
  return service;
}

/** The messages of a session; an error is the last one. */
async function* writeAll(
  first: IteratorResult<StreamEvent, void>,
  session: AsyncGenerator<StreamEvent, void>,
  { sent, end }: Admitted,
  metrics: ReaderMetrics,
): AsyncGenerator<readonly Message[], void> {
  try {
    for (let next = first; !next.done; next = await session.next()) {
      if (next.value.type === "behind") metrics.behind();
      const messages = writeEvent(next.value);
      sent(messages.length);
      yield messages;
    }
  } catch (error) {
    yield [writeError((error as Error).message)];
  } finally {
    end();
  }
}

/**
 * Checks a request for a WebSocket. Browsers let any page open a WebSocket, so a page of another origin could read the
 * stream.
 *
 * @throws {RequestError} If it may not have one.
 */
export function checkSocket(request: Request, maxOpenFiles?: number): void {
  if (!acceptsWebSockets(maxOpenFiles)) {
    throw new RequestError(
      `Cannot open a WebSocket: Deno ${Deno.version.deno} needs a limit of open files of ${SHARED_FILES} for that. Raise it ` +
        "with ulimit -n, take the binary, or read server-sent events",
      501,
    );
  }
  const origin = request.headers.get("origin");
  if (origin === null || request.headers.has("authorization")) return;
  if (URL.parse(origin)?.host === request.headers.get("host")) return;
  throw new RequestError(`Cannot stream to a page of ${origin}: expected one of this address, or the token`, 403);
}

function describe({ filter: { symbols, provider, timeframe }, start, speed }: Asked): string {
  const named = [...symbols ?? []].slice(0, NAMED).join(", ");
  const more = symbols !== undefined && symbols.size > NAMED ? ` and ${symbols.size - NAMED} more` : "";
  const from = start === undefined
    ? "from now"
    : "seen" in start
    ? "from a cursor"
    : `from ${new Date(start.fromMs).toISOString()}`;
  return [
    symbols === undefined ? "all symbols" : `${named}${more}`,
    ...provider === undefined ? [] : [`of ${provider}`],
    ...timeframe === undefined ? [] : [timeframe],
    from,
    ...speed === undefined ? [] : [`at ${speed} times the pace`],
  ].join(", ");
}

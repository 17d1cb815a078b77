/**
 * The readers' PostgreSQL: clients at a Unix socket or at a port, all served by one reader.
 *
 * @module
 */
import type { Limits } from "./answer.ts";
import { errorResponse } from "./messages.ts";
import type { Reader } from "./reader.ts";
import type { Verifier } from "./scram.ts";
import { serveSession, type Session } from "./session.ts";
import { createTurns } from "./turns.ts";

/** Most clients served at once. */
const MOST_SESSIONS = 32;
/** Time without a client after which the reader frees its memory and disk space, in milliseconds. */
const REST_MS = 60_000;
/** How long sessions may take to end, in milliseconds. */
const END_MS = 3000;

/** A listener that clients connect to. */
export interface Entrance {
  readonly listener: Deno.Listener;
  /** Checks the password that its clients need. */
  readonly verifier?: Verifier;
}

/** See the module's description; disposing of it ends all sessions. */
export interface Front extends AsyncDisposable {
  /** Serves the clients of the entrance. */
  open(entrance: Entrance): void;
}

/** Options of {@linkcode createFront}. */
export interface FrontOptions {
  readonly reader: Reader;
  readonly limits: Limits;
  readonly warn: (message: string) => void;
}

/** Creates a front, which admits no client before {@linkcode Front.open}. */
export function createFront({ reader, limits, warn }: FrontOptions): Front {
  const turns = createTurns(reader);
  const sessions = new Map<number, { readonly session: Session; readonly key: number }>();
  const closing = new AbortController();
  const listeners: Deno.Listener[] = [];
  let lastId = 0;
  let resting: ReturnType<typeof setTimeout> | undefined;

  function onCancel(id: number, key: number): void {
    const found = sessions.get(id);
    if (found?.key === key) found.session.cancel();
  }

  async function admit(conn: Deno.Conn, verifier: Verifier | undefined): Promise<void> {
    if (sessions.size >= MOST_SESSIONS) {
      await conn.write(errorResponse("FATAL", "53300", `There are ${MOST_SESSIONS} clients already`)).catch(() => {});
      return conn.close();
    }
    clearTimeout(resting);
    const id = ++lastId;
    const key = crypto.getRandomValues(new Int32Array(1))[0];
    const session = serveSession({ conn, turns, verifier, id, key, limits, onCancel, signal: closing.signal });
    sessions.set(id, { session, key });
    await session.ended;
    sessions.delete(id);
    if (sessions.size > 0 || closing.signal.aborted) return;
    const timer = resting = setTimeout(() => {
      if (sessions.size === 0) reader.rest().catch((error) => warn(`Cannot remove a snapshot: ${error.message}`));
    }, REST_MS);
    // The run may end meanwhile.
    Deno.unrefTimer(timer as unknown as number);
  }

  return {
    open({ listener, verifier }) {
      listeners.push(listener);
      (async () => {
        for await (const conn of listener) admit(conn, verifier).catch((error) => warn(error.message));
      })().catch((error) => closing.signal.aborted || warn(`Cannot accept readers: ${error.message}`));
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error("the run ends"));
      for (const listener of listeners) listener.close();
      clearTimeout(resting);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, END_MS));
      await Promise.race([Promise.all(Array.from(sessions.values(), ({ session }) => session.ended)), late]);
      clearTimeout(timer);
      await reader[Symbol.asyncDispose]();
    },
  };
}

/**
 * One client of the readers' PostgreSQL, from its first message to its last.
 *
 * @module
 */
import { onAbort } from "../../abort.ts";
import { type Answer, answerTo, type Limits } from "./answer.ts";
import { DoorError } from "./error.ts";
import { greet, type Greeting } from "./greeting.ts";
import { encode, errorResponse, type Inbox, join, type Message, openInbox, query, rowsOf } from "./messages.ts";
import type { Verifier } from "./scram.ts";
import type { SessionState, Turn, Turns } from "./turns.ts";

/** Options of {@linkcode serveSession}. */
export interface SessionOptions {
  readonly conn: Deno.Conn;
  readonly turns: Turns;
  /** Checks the password of clients; without it, the socket must be accessible to its owner alone. */
  readonly verifier?: Verifier;
  /** Number and key with which a client cancels a statement. */
  readonly id: number;
  readonly key: number;
  readonly limits: Limits;
  /** Called if a client asks to cancel the statement of another connection. */
  readonly onCancel: (id: number, key: number) => void;
  /** Ends the session when it aborts. */
  readonly signal: AbortSignal;
}

/** A running session. */
export interface Session {
  /** Cancels its statement. */
  cancel(): void;
  /** Resolves when the session has ended. */
  readonly ended: Promise<void>;
}

/** How long a transaction or an unfinished message may keep the reader from others, in milliseconds. */
const HOLD_MS = 5000;
/** Longest run of a statement without a `statement_timeout` of the client, and the longest value of that, in ms. */
const DEADLINE_MS = 60_000;
const MOST_DEADLINE_MS = 3_600_000;

/** Serves a client until it leaves or the signal aborts. */
export function serveSession(options: SessionOptions): Session {
  const { conn, turns, limits, signal } = options;
  const inbox = openInbox(conn);
  const state: SessionState = { settings: new Map(), prepared: [], transaction: "I" };
  let running: AbortController | undefined;

  async function send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }

  /** Runs `fn` in a turn: the one that is kept, or a new one. */
  async function within(kept: Turn | undefined, fn: (turn: Turn, signal: AbortSignal) => Promise<void>): Promise<Turn> {
    const controller = new AbortController();
    running = controller;
    using _gone = onAbort(inbox.gone, (reason) => controller.abort(reason));
    using _end = onAbort(signal, (reason) => controller.abort(reason));
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const turn = kept ?? await turns.take(state, controller.signal);
      const ms = Math.min(Number(state.settings.get("statement_timeout") ?? 0) || DEADLINE_MS, MOST_DEADLINE_MS);
      timer = setTimeout(() => {
        controller.abort(new DoorError("57014", `The statement took longer than ${ms} ms: set statement_timeout`));
      }, ms);
      try {
        await fn(turn, controller.signal);
        return turn;
      } catch (error) {
        turn.abandon();
        turn.end();
        throw error;
      }
    } finally {
      clearTimeout(timer);
      running = undefined;
    }
  }

  /** Waits for a message; only shortly while the client keeps the reader and others wait for it. */
  async function next(kept: Turn | undefined): Promise<Message | undefined> {
    const coming = inbox.next();
    while (kept !== undefined) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, HOLD_MS, "late"));
      const first = await Promise.race([coming, late]);
      clearTimeout(timer);
      if (first !== "late") return first;
      if (turns.isAwaited()) {
        throw new DoorError("25P03", `A cursor is open for more than ${HOLD_MS} ms while others wait`, "FATAL");
      }
    }
    return await coming;
  }

  async function converse(): Promise<void> {
    const answer: Answer = answerTo({ state, limits, send });
    let kept: Turn | undefined;
    let batch: Message[] = [];
    try {
      while (true) {
        const message = await next(kept);
        if (message === undefined || message.type === "X") return;
        batch.push(message);
        if (!["Q", "S", "H", "F"].includes(message.type)) continue;
        const messages = batch;
        batch = [];
        try {
          const turn = kept = await within(kept, (turn, signal) => answer.run(turn, messages, signal));
          if (!answer.keepsReader()) {
            turn.end();
            kept = undefined;
          }
        } catch (error) {
          kept = undefined;
          inbox.gone.throwIfAborted();
          const { code, message } = error instanceof DoorError ? error : { code: "XX000", message: String(error) };
          if (signal.aborted) throw error;
          await answer.fail(code, message, messages);
        }
      }
    } finally {
      kept?.abandon();
      kept?.end();
    }
  }

  async function serve(inbox: Inbox): Promise<void> {
    try {
      const greeting: Greeting | undefined = await greet({ ...options, inbox, send });
      if (greeting === undefined) return;
      for (const [name, value] of greeting.settings) state.settings.set(name, value);
      const turn = await within(undefined, async (turn, signal) => {
        await turn.capture(signal);
        await send(join([...await describeServer(turn, signal)]));
      });
      turn.end();
      await send(join([encode("K", { int32: options.id }, { int32: options.key }), encode("Z", ascii("I"))]));
      await converse();
    } catch (error) {
      if (inbox.gone.aborted) return;
      const { code, message } = error instanceof DoorError
        ? error
        : { code: signal.aborted ? "57P01" : "XX000", message: error instanceof Error ? error.message : String(error) };
      await send(errorResponse("FATAL", code, message)).catch(() => {});
    } finally {
      try {
        conn.close();
      } catch {
        // The connection is closed already.
      }
    }
  }

  return {
    cancel: () => running?.abort(new DoorError("57014", "canceling statement due to user request")),
    ended: serve(inbox),
  };
}

const ascii = (text: string) => new TextEncoder().encode(text);

/** Settings of the server that clients receive. */
const REPORTED = [
  ...["server_version", "server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone"],
  ...["integer_datetimes", "standard_conforming_strings", "application_name", "is_superuser", "session_authorization"],
  ...["in_hot_standby", "default_transaction_read_only", "search_path"],
];

async function describeServer(turn: Turn, signal: AbortSignal): Promise<Uint8Array[]> {
  const list = REPORTED.map((name) => `('${name}')`).join(", ");
  const sql = `SELECT n, current_setting(n) FROM (VALUES ${list}) t (n)`;
  const answer = await turn.run(query(sql), signal);
  return rowsOf(answer).map(([name, value]) => encode("S", name!, value ?? ""));
}

/**
 * Shares one reader, which has a single session, among many clients' sessions: each has it for a turn. Between turns a
 * session's state is kept here, and restored at its next turn.
 *
 * Readers change nothing, and each statement may see newer data, as in PostgreSQL's READ COMMITTED. So a transaction
 * that waits for its client does not keep the reader: it is ended, and begun again.
 *
 * @module
 */
import { encode, join, messagesOf, query, rowsOf, SYNC } from "./messages.ts";
import type { Reader } from "./reader.ts";
import { AS_OWNER, AS_READER } from "./role.ts";

/** Whether a transaction is open, in the protocol's codes: none, one, or a failed one. */
export type Transaction = "I" | "T" | "E";

/** A prepared statement: by a message, with the types of its parameters, or by SQL. */
export interface PreparedStatement {
  readonly name: string;
  readonly sql: string;
  readonly types: readonly number[];
  readonly isSql: boolean;
}

/** State of a session: settings, prepared statements, and its transaction. */
export interface SessionState {
  settings: Map<string, string>;
  prepared: PreparedStatement[];
  transaction: Transaction;
}

/** The reader, lent to a session. */
export interface Turn {
  /** Runs messages of the session. */
  run(messages: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** Reads the state of the session; needed after messages that change it. */
  capture(signal: AbortSignal): Promise<void>;
  /** Drops the session's present work: its transaction has failed. */
  abandon(): void;
  /** Passes the reader to the next session. */
  end(): void;
}

/** See the module's description. */
export interface Turns {
  /** Waits for a turn. */
  take(state: SessionState, signal: AbortSignal): Promise<Turn>;
  /** Whether others wait for a turn. */
  isAwaited(): boolean;
}

const CAPTURE = `SELECT 'setting', name, setting, '', '' FROM pg_settings
WHERE source = 'session' AND name NOT IN ('role', 'session_authorization', 'is_superuser', 'transaction_read_only',
  'transaction_isolation', 'transaction_deferrable')
UNION ALL
SELECT 'prepared', name, statement, array_to_string(parameter_types::oid[], ','), from_sql::text
FROM pg_prepared_statements WHERE name <> ''`;
const CLEAR = "CLOSE ALL; DEALLOCATE ALL; RESET ALL";
/** Fails an open transaction. */
const FAIL = "SELECT 1 / 0";

/** SQL for a text. */
const quote = (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/** Shares a reader. */
export function createTurns(reader: Reader): Turns {
  /** The session whose state the reader has, and the reader's generation. */
  let current: { readonly state: SessionState; readonly generation: number } | undefined;
  const waiting: (() => void)[] = [];
  let isTaken = false;

  async function acquire(signal: AbortSignal): Promise<void> {
    if (!isTaken) {
      isTaken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      waiting.push(go);
    });
  }

  function release(): void {
    const next = waiting.shift();
    if (next === undefined) isTaken = false;
    else next();
  }

  /** Runs a script of Barline itself; the client does not see its answer. */
  async function own(sql: string, signal: AbortSignal): Promise<(string | null)[][]> {
    return rowsOf(await reader.run(query(sql), signal));
  }

  /** Sets the reader to the state of a session. */
  async function enter(state: SessionState, signal: AbortSignal): Promise<void> {
    const generation = reader.generation();
    if (current?.state === state && current.generation === generation) return;
    current = undefined;
    // Ends the work of the session before.
    await reader.run(SYNC, signal);
    await own("ROLLBACK", signal);
    const settings = Array.from(
      state.settings,
      ([setting, value]) => `SELECT set_config(${quote(setting)}, ${quote(value)}, false)`,
    );
    await own([CLEAR, AS_OWNER, ...settings, AS_READER].join(";\n"), signal);
    for (const { name, sql, types, isSql } of state.prepared) {
      const oids = types.map((int32) => ({ int32 }));
      const parse = encode("P", name, sql, { int16: oids.length }, ...oids);
      // A statement that can no longer be prepared is missing for the client, as after DEALLOCATE.
      await reader.run(isSql ? query(sql) : join([parse, SYNC]), signal);
    }
    if (state.transaction !== "I") await own("BEGIN", signal);
    if (state.transaction === "E") await reader.run(query(FAIL), signal);
    current = { state, generation };
  }

  return {
    isAwaited: () => waiting.length > 0,
    async take(state, signal) {
      await acquire(signal);
      try {
        await reader.refresh(signal);
        await enter(state, signal);
      } catch (error) {
        current = undefined;
        release();
        throw error;
      }
      let isOver = false;
      return {
        async run(messages, signal) {
          const answer = await reader.run(messages, signal);
          for (const { type, body } of messagesOf(answer)) {
            if (type === "Z") state.transaction = String.fromCharCode(body[0]) as Transaction;
          }
          return answer;
        },
        async capture(signal) {
          if (state.transaction === "E") return;
          const rows = await own(CAPTURE, signal);
          const of = (kind: string) => rows.filter(([first]) => first === kind);
          state.settings = new Map(of("setting").map(([, setting, value]) => [setting!, value ?? ""]));
          state.prepared = of("prepared").map(([, name, sql, types, isSql]) => ({
            name: name!,
            sql: sql!,
            types: types ? types.split(",").map(Number) : [],
            isSql: isSql === "true",
          }));
        },
        abandon() {
          current = undefined;
          if (state.transaction === "T") state.transaction = "E";
        },
        end() {
          if (isOver) return;
          isOver = true;
          release();
        },
      };
    },
  };
}

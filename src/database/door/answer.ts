/**
 * Answers a client in slices: the reader holds a slice of the rows at a time, and waits for a client that reads slowly.
 *
 * @module
 */
import { DoorError } from "./error.ts";
import { encode, errorResponse, execute, join, type Message, messagesOf, readTexts, SYNC } from "./messages.ts";
import { changesSession, opensCursor, refusalOf, splitStatements, type Statement } from "./statements.ts";
import type { SessionState, Turn } from "./turns.ts";

/** Limits of one answer. */
export interface Limits {
  readonly rows: number;
  readonly bytes: number;
}

/** Rows of the first slice; later slices are sized by their rows to have this many bytes. */
const FIRST_ROWS = 500;
const SLICE_BYTES = 512 * 1024;
const MOST_ROWS = 20_000;

/** Answers of a session. */
export interface Answer {
  /** Answers messages; the last of them asks for the answer. */
  run(turn: Turn, messages: readonly Message[], signal: AbortSignal): Promise<void>;
  /** Reports that messages could not be answered. */
  fail(code: string, message: string, messages: readonly Message[]): Promise<void>;
  /**
   * Whether the next messages need the reader in its present state: a cursor is open, or they belong to the last ones.
   */
  keepsReader(): boolean;
}

/** Options of {@linkcode answerTo}. */
export interface AnswerOptions {
  readonly state: SessionState;
  readonly limits: Limits;
  readonly send: (bytes: Uint8Array) => Promise<void>;
}

/** Answers the messages of a session. */
export function answerTo({ state, limits, send }: AnswerOptions): Answer {
  /** Whether messages are left out until the client has noticed an error. */
  let isSkipping = false;
  /** Whether messages were run since the last end of a sequence. */
  let isOpen = false;
  let hasCursor = false;
  let isChanged = false;

  async function refuse({ code, message }: { code: string; message: string }): Promise<void> {
    isSkipping = true;
    await send(errorResponse("ERROR", code, message));
  }

  function note(statement: Statement): void {
    if (changesSession(statement)) isChanged = true;
    if (opensCursor(statement)) hasCursor = true;
  }

  /** Runs a portal to its end; returns whether it could. */
  async function executeAll(turn: Turn, portal: string, signal: AbortSignal): Promise<boolean> {
    let rows = FIRST_ROWS;
    let [count, bytes] = [0, 0];
    while (true) {
      signal.throwIfAborted();
      const answer = await turn.run(join([execute(portal, rows), encode("H")]), signal);
      let end: Message | undefined;
      for (const message of messagesOf(answer)) {
        if (message.type === "D") count++;
        if ("sCEI".includes(message.type)) end = message;
      }
      bytes += answer.length;
      if (count > limits.rows || bytes > limits.bytes) {
        const most = count > limits.rows
          ? `${limits.rows.toLocaleString("en-US")} rows`
          : `${limits.bytes.toLocaleString("en-US")} bytes`;
        throw new DoorError("54000", `The answer is longer than ${most}: add a LIMIT, or a narrower WHERE`);
      }
      if (end?.type === "s") {
        await send(answer.subarray(0, answer.length - end.bytes.length));
        rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(rows * SLICE_BYTES / Math.max(1, answer.length)), rows * 4));
        continue;
      }
      if (end?.type === "C" && count > 0) {
        // The server counts only the last slice.
        const [tag] = readTexts(end.body, 1);
        const rest = answer.subarray(0, end.bytes.byteOffset - answer.byteOffset);
        await send(join([rest, encode("C", tag.replace(/\d+$/, String(count)))]));
      } else await send(answer);
      return end?.type !== "E";
    }
  }

  /** Answers a text of statements, as the simple protocol does. */
  async function runText(turn: Turn, text: string, signal: AbortSignal): Promise<void> {
    const statements = splitStatements(text);
    const refusal = statements.map(refusalOf).find(Boolean);
    if (refusal !== undefined) await send(errorResponse("ERROR", refusal.code, refusal.message));
    else if (statements.length === 0) await send(encode("I"));
    else {
      for (const statement of statements) {
        note(statement);
        if (!await runStatement(turn, statement, signal)) break;
      }
    }
    await send(await turn.run(SYNC, signal));
  }

  async function runStatement(turn: Turn, statement: Statement, signal: AbortSignal): Promise<boolean> {
    const none = { int16: 0 };
    const answer = await turn.run(
      join([
        encode("P", "", textOf(statement), none),
        encode("B", "", "", none, none, none),
        encode("D", new TextEncoder().encode("P"), ""),
        encode("H"),
      ]),
      signal,
    );
    const told = Array.from(messagesOf(answer)).filter(({ type }) => !"12n".includes(type));
    await send(join(told.map(({ bytes }) => bytes)));
    if (told.some(({ type }) => type === "E")) return false;
    return await executeAll(turn, "", signal);
  }

  /** Answers a message of the extended protocol. */
  async function runMessage(turn: Turn, message: Message, signal: AbortSignal): Promise<void> {
    const { type, body, bytes } = message;
    if (type === "S") {
      isSkipping = isOpen = false;
      await send(await turn.run(bytes, signal));
    } else if (isSkipping) return;
    else if (type === "P") {
      const [name, sql] = readTexts(body, 2);
      const [statement, ...more] = splitStatements(sql);
      const refusal = statement === undefined
        ? undefined
        : more.length > 0
        ? { code: "42601", message: "cannot insert multiple commands into a prepared statement" }
        : refusalOf(statement);
      if (refusal !== undefined) return await refuse(refusal);
      if (statement !== undefined) note(statement);
      if (name !== "") isChanged = true;
      const parse = statement === undefined
        ? bytes
        : encode("P", name, textOf(statement), body.subarray(endOfTexts(body, 2)));
      await send(await turn.run(join([parse, encode("H")]), signal));
    } else if (type === "E") {
      const [portal] = readTexts(body, 1);
      const most = new DataView(body.buffer, body.byteOffset + endOfTexts(body, 1)).getInt32(0);
      if (most === 0) await executeAll(turn, portal, signal);
      else {
        hasCursor = true;
        await send(await turn.run(join([bytes, encode("H")]), signal));
      }
    } else if ("BDC".includes(type)) {
      if (type === "B" && readTexts(body, 1)[0] !== "") hasCursor = true;
      if (type === "C") isChanged = true;
      await send(await turn.run(join([bytes, encode("H")]), signal));
    }
  }

  return {
    async run(turn, messages, signal) {
      for (const message of messages) {
        if (message.type === "Q") await runText(turn, readTexts(message.body, 1)[0] ?? "", signal);
        else if (message.type === "F") {
          await send(join([errorResponse("ERROR", "0A000", "Functions are called by SELECT"), ready(state)]));
        } else {
          isOpen = true;
          await runMessage(turn, message, signal);
        }
      }
      if (state.transaction !== "T") hasCursor = false;
      if (isChanged && !isOpen) {
        await turn.capture(signal);
        isChanged = false;
      }
    },
    async fail(code, message, messages) {
      [isOpen, hasCursor, isChanged] = [false, false, false];
      const last = messages.at(-1)!.type;
      const isEnded = last === "Q" || last === "S";
      isSkipping = !isEnded;
      await send(join([errorResponse("ERROR", code, message), ...isEnded ? [ready(state)] : []]));
    },
    keepsReader: () => isOpen || hasCursor,
  };
}

const ready = ({ transaction }: SessionState) => encode("Z", new TextEncoder().encode(transaction));

/** All sessions have one role, so poolers may reset everything else between clients. */
const textOf = ({ text, words }: Statement) => words[0] === "DISCARD" ? "RESET ALL" : text;

/** Place after `count` texts, each ended by a zero. */
function endOfTexts(body: Uint8Array, count: number): number {
  let at = 0;
  for (let read = 0; read < count; read++) at = body.indexOf(0, at) + 1;
  return at;
}

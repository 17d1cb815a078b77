/**
 * Messages of PostgreSQL's protocol, version 3: a type of one character, a length, and a body.
 *
 * @module
 */

/** A received message, with its header. */
export interface Message {
  /** Its type; empty for the first messages of a connection, which have none. */
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Longest message of a client, in bytes: a statement with its values. */
const MOST_BYTES = 16 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A part of a body: bytes, text ended by a zero, or a number of two or four bytes. */
type Part = Uint8Array | string | { int32: number } | { int16: number };

/** Encodes a message; without a type it is one of the first of a connection. */
export function encode(type: string, ...parts: Part[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map((part) => {
    if (part instanceof Uint8Array) return part;
    if (typeof part === "string") return encoder.encode(`${part}\0`);
    const isLong = "int32" in part;
    const bytes = new Uint8Array(isLong ? 4 : 2);
    const view = new DataView(bytes.buffer);
    if (isLong) view.setInt32(0, part.int32);
    else view.setInt16(0, part.int16);
    return bytes;
  });
  const length = pieces.reduce((sum, piece) => sum + piece.length, 4);
  const bytes = new Uint8Array(type.length + length);
  bytes.set(encoder.encode(type));
  new DataView(bytes.buffer).setInt32(type.length, length);
  let at = type.length + 4;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Joins messages. */
export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A simple query. */
export const query = (sql: string): Uint8Array<ArrayBuffer> => encode("Q", sql);
/** Ends a sequence of messages of the extended protocol. */
export const SYNC = encode("S");
/** Fetches rows of a portal. */
export const execute = (portal: string, rows: number): Uint8Array<ArrayBuffer> => encode("E", portal, { int32: rows });

/** Severity of an error: of a statement, or of the connection. */
export type Severity = "ERROR" | "FATAL";

/** An error in the server's format. */
export function errorResponse(severity: Severity, code: string, message: string): Uint8Array<ArrayBuffer> {
  return encode("E", `S${severity}`, `V${severity}`, `C${code}`, `M${message}`, new Uint8Array(1));
}

/** Splits whole messages, as a server sends them. */
export function* messagesOf(bytes: Uint8Array<ArrayBuffer>): Generator<Message> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + view.getInt32(at + 1);
    yield {
      type: String.fromCharCode(bytes[at]),
      bytes: bytes.subarray(at, end),
      body: bytes.subarray(at + 5, end),
    };
    at = end;
  }
}

/** Texts, each ended by a zero, starting at `from`. */
export function readTexts(body: Uint8Array, count: number, from = 0): string[] {
  const texts: string[] = [];
  for (let at = from; texts.length < count;) {
    const end = body.indexOf(0, at);
    if (end < 0) break;
    texts.push(decoder.decode(body.subarray(at, end)));
    at = end + 1;
  }
  return texts;
}

/** Fields of an error or a notice, by their letter. */
export function readFields(body: Uint8Array): Map<string, string> {
  const all = decoder.decode(body).split("\0").filter(Boolean);
  return new Map(all.map((field) => [field[0], field.slice(1)]));
}

/** Rows of an answer to a simple query, as text. */
export function rowsOf(bytes: Uint8Array<ArrayBuffer>): (string | null)[][] {
  const rows: (string | null)[][] = [];
  for (const { type, body } of messagesOf(bytes)) {
    if (type === "E") throw new Error(readFields(body).get("M"));
    if (type !== "D") continue;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const row: (string | null)[] = [];
    for (let at = 2; row.length < view.getInt16(0);) {
      const length = view.getInt32(at);
      row.push(length < 0 ? null : decoder.decode(body.subarray(at + 4, at + 4 + length)));
      at += 4 + Math.max(0, length);
    }
    rows.push(row);
  }
  return rows;
}

/** Messages from a client. */
export interface Inbox {
  /**
   * The next message, or `undefined` when the client has gone.
   *
   * @throws {RangeError} If it is too long.
   */
  next(isFirst?: boolean): Promise<Message | undefined>;
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
}

/** Bytes read ahead of requests: while a statement runs, only to notice that the client leaves. */
const AHEAD_BYTES = 1024 * 1024;

/** Reads the messages of a client. */
export function openInbox(conn: Deno.Conn): Inbox {
  const gone = new AbortController();
  let held: Uint8Array<ArrayBuffer> = new Uint8Array();
  let wakeReader: (() => void) | undefined;
  let wakeWaiter: (() => void) | undefined;

  async function pump(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      while (true) {
        const read = await conn.read(buffer);
        if (read === null) break;
        held = join([held, buffer.subarray(0, read)]);
        wakeWaiter?.();
        while (held.length > AHEAD_BYTES && wakeWaiter === undefined) {
          await new Promise<void>((resolve) => wakeReader = resolve);
        }
      }
    } catch {
      // The connection was cut.
    }
    gone.abort(new Error("the client has gone"));
    wakeWaiter?.();
  }
  pump();

  async function atLeast(length: number): Promise<boolean> {
    while (held.length < length) {
      if (gone.signal.aborted) return false;
      const woken = new Promise<void>((resolve) => wakeWaiter = resolve);
      wakeReader?.();
      await woken;
      wakeWaiter = undefined;
    }
    return true;
  }

  return {
    gone: gone.signal,
    async next(isFirst = false) {
      const header = isFirst ? 4 : 5;
      if (!await atLeast(header)) return undefined;
      const length = new DataView(held.buffer, held.byteOffset).getInt32(header - 4) + header - 4;
      if (length < header || length > MOST_BYTES) {
        throw new RangeError(`A message of ${length} bytes, expected at most ${MOST_BYTES}`);
      }
      if (!await atLeast(length)) return undefined;
      const bytes = held.slice(0, length);
      held = held.slice(length);
      return { type: isFirst ? "" : String.fromCharCode(bytes[0]), bytes, body: bytes.subarray(header) };
    },
  };
}

/**
 * Reads rows by a binary COPY, the cheapest way for server and client.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Client, Submittable } from "pg";
import { cutClient } from "../database/database.ts";
import type { Batch } from "../files/write/batch.ts";
import { BATCH_ROWS, type BatchBuilder } from "./batches.ts";

/** Longest wait for the next bytes, and the time between two checks, in milliseconds. */
const IDLE_MS = 10 * 60_000;
const LOOK_MS = 10_000;
/** Longest run of a COPY for the driver, in milliseconds: the longest timeout of a timer. */
const FOREVER_MS = 2 ** 31 - 1;
const COPY_DATA = "d".charCodeAt(0);
/** Bytes of the signature and the flags, which the length of an extension follows. */
const HEADER_BYTES = 15;
/** Bytes of a message before its content: its type and its length. */
const FRAME_BYTES = 5;

/** The parts of the driver's connection that a COPY takes over. */
interface Connection {
  readonly stream: Socket;
  query(text: string): void;
}

/** State of a COPY: it reads bytes, waits until its batch is taken, is over, or has failed. */
type State = "reading" | "full" | "over" | { readonly error: Error };

/**
 * Runs `COPY (…) TO STDOUT (FORMAT binary)`, and yields its rows in batches; the socket waits while a batch is in use.
 * The connection is cut if the COPY fails or is given up.
 *
 * @throws {Error} If the COPY fails, or the server sends nothing for ten minutes.
 */
export async function* readByCopy(client: Client, sql: string, batch: BatchBuilder): AsyncGenerator<Batch> {
  let state: State = "reading";
  let wake = () => {};
  let isBegun = false;
  let heardAt = performance.now();
  let rest: Buffer = Buffer.alloc(0);

  /** The state, which changes while the server sends. */
  const current = (): State => state;

  function setState(next: State): void {
    state = next;
    wake();
  }

  /** A message has whole rows, since the server sends one for each; a row with -1 fields is the end. */
  function readRows(bytes: Buffer, view: DataView, from: number, end: number): void {
    let at = from;
    if (!isBegun) at += HEADER_BYTES + 4 + view.getInt32(from + HEADER_BYTES);
    isBegun = true;
    while (at + 2 < end) at = batch.addBinary(bytes, view, at);
  }

  /** Takes rows out of the server's bytes; all other messages go to the driver through `pass`. */
  function take(chunk: Buffer, pass: (bytes: Buffer) => void): void {
    const bytes = rest.length === 0 ? chunk : completeFirst(chunk, pass);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at + FRAME_BYTES <= bytes.length && state === "reading") {
      const end = at + 1 + view.getInt32(at + 1);
      if (end > bytes.length) break;
      if (bytes[at] === COPY_DATA) {
        readRows(bytes, view, at + FRAME_BYTES, end);
        if (batch.count >= BATCH_ROWS) setState("full");
      } else pass(bytes.subarray(at, end));
      at = end;
    }
    rest = bytes.subarray(at);
  }

  /** Takes the message that an earlier chunk has begun, and gives what follows: large chunks are not copied. */
  function completeFirst(chunk: Buffer, pass: (bytes: Buffer) => void): Buffer {
    const head = rest.length >= FRAME_BYTES
      ? rest
      : Buffer.concat([rest, chunk.subarray(0, FRAME_BYTES - rest.length)]);
    const missing = head.length < FRAME_BYTES ? Infinity : 1 + head.readInt32BE(1) - rest.length;
    if (missing <= 0 || missing > chunk.length) return Buffer.concat([rest, chunk]);
    const first = Buffer.concat([rest, chunk.subarray(0, missing)]);
    rest = Buffer.alloc(0);
    take(first, pass);
    const left = chunk.subarray(missing);
    return rest.length === 0 ? left : Buffer.concat([rest, left]);
  }

  const { stream, pass, detach } = attach(client, sql, {
    heard(chunk) {
      heardAt = performance.now();
      take(chunk, pass);
      if (state === "full") stream.pause();
    },
    failed: (error) => setState({ error }),
    ended: () => setState("over"),
  });
  const timer = setInterval(() => {
    if (state !== "reading" || performance.now() - heardAt < IDLE_MS) return;
    setState({ error: new Error(`Cannot read on: the server has sent nothing for ${IDLE_MS / 60_000} minutes`) });
  }, LOOK_MS);
  try {
    while (true) {
      if (state === "reading") await new Promise<void>((resolve) => wake = resolve);
      const now = current();
      if (typeof now === "object") throw now.error;
      if (batch.count > 0) yield batch.take();
      if (now === "over") return;
      state = "reading";
      heardAt = performance.now();
      take(Buffer.alloc(0), pass);
      if (current() === "reading") stream.resume();
    }
  } finally {
    clearInterval(timer);
    detach();
    if (current() !== "over") cutClient(client);
  }
}

/** Listeners of a COPY. */
interface CopyEvents {
  heard(chunk: Buffer): void;
  failed(error: Error): void;
  ended(): void;
}

/** Starts a COPY, and handles the server's bytes instead of the driver until it is detached. */
function attach(client: Client, sql: string, { heard, failed, ended }: CopyEvents) {
  const { stream } = (client as unknown as { connection: Connection }).connection;
  const [pass] = stream.listeners("data") as ((bytes: string | Buffer) => void)[];
  const copy: Submittable & Record<string, unknown> = {
    query_timeout: FOREVER_MS,
    submit(connection) {
      stream.removeListener("data", pass);
      stream.on("data", heard);
      (connection as unknown as Connection).query(sql);
    },
    handleError: failed,
    handleReadyForQuery() {
      (copy.callback as (() => void) | undefined)?.();
      ended();
    },
    handleCommandComplete() {},
  };
  client.query(copy);
  return {
    stream,
    pass,
    detach() {
      stream.removeListener("data", heard);
      if (!(stream.listeners("data") as unknown[]).includes(pass)) stream.on("data", pass);
    },
  };
}

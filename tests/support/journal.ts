/**
 * Logs of a journal in a directory of their own.
 *
 * @module
 */
import { type JournalLog, type LogOptions, openLog } from "../../src/journal/log.ts";
import { decodeFrame, encodeFrame } from "../../src/records/codec.ts";
import { recordKind } from "../../src/records/mod.ts";
import { makeBars, makeFrame, recordsOf } from "./frames.ts";

/** A directory for a journal, and what its logs have told. */
export interface JournalDirectory extends AsyncDisposable {
  readonly path: string;
  readonly notices: string[];
  readonly lost: number[];
  /** Opens the journal as a new process would. */
  open(options?: Partial<LogOptions>): Promise<JournalLog>;
}

/** Makes an empty directory for a journal. */
export async function journalDirectory(): Promise<JournalDirectory> {
  const path = await Deno.makeTempDir({ prefix: "barline-journal-" });
  const notices: string[] = [];
  const lost: number[] = [];
  return {
    path,
    notices,
    lost,
    open: (options) =>
      openLog({
        directory: path,
        maxBytes: 1 << 30,
        warn: (message) => notices.push(message),
        onLost: (records) => lost.push(records),
        ...options,
      }),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** An item of that many bars, the first of which is at minute `from`. */
export function itemOf(from: number, count = 1) {
  return { message: encodeFrame(makeFrame(makeBars(count, from)), recordKind("bar")), records: count };
}

/** Minutes of the bars in a message, as {@linkcode itemOf} numbered them. */
export function minutesOf(message: Uint8Array): number[] {
  return recordsOf(decodeFrame(message)).map(({ receivedAt }) => receivedAt - makeBars(1)[0].receivedAt);
}

/** Reads all that is unread, and gives the minutes of its bars. */
export async function readAll(log: JournalLog): Promise<number[]> {
  const minutes: number[] = [];
  for (let read = await log.read(); read !== undefined; read = await log.read()) {
    minutes.push(...minutesOf(read.message));
  }
  return minutes;
}

/**
 * Converts bytes of any encoding to UTF-8, and takes lines from the beginning of a file.
 *
 * @module
 */
import type { Encoding } from "../dialect.ts";

/** The encoding by the byte order mark; `undefined` without one. */
export function encodingOf(head: Uint8Array): Encoding | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
}

/** Converts bytes to UTF-8, without the byte order mark. */
export async function* toUtf8(bytes: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== "") yield encoder.encode(text);
  }
  const rest = decoder.decode();
  if (rest !== "") yield encoder.encode(rest);
}

/** Most bytes of a file that a look reads. */
export const HEAD_BYTES = 256 * 1024;

/** Bytes whose beginning has been read, and can be read again. */
export interface Headed {
  readonly head: Uint8Array;
  /** Whether the head is the whole file. */
  readonly isAll: boolean;
  /** All of the bytes. Call it once. */
  all(): AsyncGenerator<Uint8Array>;
  /** Closes the file, unless {@linkcode Headed.all} was called. */
  close(): Promise<void>;
}

/** Reads the beginning until `isEnough` accepts it, at most {@linkcode HEAD_BYTES} and a chunk. */
export async function readHead(
  bytes: AsyncGenerator<Uint8Array>,
  isEnough: (head: Uint8Array) => boolean = () => false,
): Promise<Headed> {
  let head = new Uint8Array();
  let isAll = false;
  while (head.length < HEAD_BYTES && !(head.length > 0 && isEnough(head))) {
    const { done, value } = await bytes.next();
    if (done) {
      isAll = true;
      break;
    }
    const joined = new Uint8Array(head.length + value.length);
    joined.set(head);
    joined.set(value, head.length);
    head = joined;
  }
  return {
    head,
    isAll,
    async close() {
      await bytes.return(undefined);
    },
    async *all() {
      try {
        if (head.length > 0) yield head;
        if (!isAll) yield* bytes;
      } finally {
        await bytes.return(undefined);
      }
    },
  };
}

/** The lines of a head; a last one that may be cut off is left out. */
export function linesOf({ head, isAll }: Pick<Headed, "head" | "isAll">): string[] {
  const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(head.subarray(0, HEAD_BYTES)).split("\n");
  if (!isAll || lines.at(-1) === "") lines.pop();
  return lines;
}

/** Whether the whole lines of the head are UTF-8. */
export function isUtf8({ head, isAll }: Pick<Headed, "head" | "isAll">): boolean {
  const end = isAll ? head.length : head.lastIndexOf(10) + 1;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head.subarray(0, end));
    return true;
  } catch {
    return false;
  }
}

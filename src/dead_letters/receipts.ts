/**
 * Receipts: outcomes of letters in a replay, recorded beside their file as they come. A killed replay leaves them
 * behind for the next one, which skips finished letters; the file itself is rewritten only once, at the end.
 *
 * A receipt names a letter by its line and the digest of its text. After a crash between the rewriting of a file and
 * the removal of its receipts, they match no line and have no effect.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { writeAll } from "../storage/durable_files.ts";
import { readLines, repairTail } from "./files.ts";
import type { Refusal, StoredLetter } from "./letter.ts";

/** A letter with its place. */
export interface LocatedLetter {
  readonly path: string;
  /** Line in the file, from 1. */
  readonly line: number;
  /** The text of the line, below its header if it has one. */
  readonly text: string;
  readonly letter: StoredLetter;
}

/** `[line, digest]` of a letter whose records are stored; with a refusal, of one refused again. */
type Receipt = [line: number, digest: string, refusal?: Refusal];

/** The receipts of one file of letters. */
export interface Receipts {
  readonly size: number;
  /** The outcome of the letter on a line: stored, or refused again; `undefined` without a receipt. */
  find(line: number, text: string): "stored" | Refusal | undefined;
}

/** Path of a file's receipts. */
export function receiptsPath(path: string): string {
  return `${path}.receipts`;
}

/** Reads the receipts of a file. Takes memory in proportion to that file. */
export async function readReceipts(path: string): Promise<Receipts> {
  // Separate, as stored letters may be very many, and need only their digest.
  const stored = new Map<number, string>();
  const refused = new Map<number, { by: string; refusal: Refusal }>();
  for await (const text of readLines(receiptsPath(path))) {
    const [line, by, refusal] = parseReceipt(text) ?? [];
    if (line === undefined || by === undefined) continue;
    if (refusal === undefined) stored.set(line, by);
    else refused.set(line, { by, refusal });
  }
  return {
    size: stored.size + refused.size,
    find(line, text) {
      const [digestOfStored, again] = [stored.get(line), refused.get(line)];
      if (digestOfStored === undefined && again === undefined) return undefined;
      const found = digest(text);
      if (digestOfStored === found) return "stored";
      return again?.by === found ? again.refusal : undefined;
    },
  };
}

function parseReceipt(text: string): Receipt | undefined {
  try {
    const receipt = JSON.parse(text);
    return Array.isArray(receipt) && typeof receipt[0] === "number" ? receipt as Receipt : undefined;
  } catch {
    return undefined;
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/** Writes receipts. */
export interface ReceiptWriter {
  /** Records that a letter is stored, or refused again. Returns at once. */
  note(located: LocatedLetter, refusal?: Refusal): void;
  /**
   * Resolves when all receipts are on disk.
   *
   * @throws {Error} If they are not: those letters would be replayed once more, which changes nothing.
   */
  flush(): Promise<void>;
}

/** Creates a writer. Receipts that come during a write are written together, with one sync. */
export function createReceiptWriter(): ReceiptWriter {
  let noted = new Map<string, string[]>();
  let writing: Promise<void> | undefined;
  const repaired = new Set<string>();

  async function write(): Promise<void> {
    // Receipts of one turn of the event loop are written together.
    await Promise.resolve();
    while (noted.size > 0) {
      const taken = noted;
      noted = new Map();
      for (const [path, lines] of taken) await append(receiptsPath(path), lines);
    }
    writing = undefined;
  }

  async function append(path: string, lines: readonly string[]): Promise<void> {
    using file = await Deno.open(path, { create: true, write: true, append: true, mode: 0o600 });
    // An unfinished receipt, left by a crash, would spoil the next.
    if (!repaired.has(path)) await repairTail(path);
    repaired.add(path);
    await writeAll(file, new TextEncoder().encode(`${lines.join("\n")}\n`));
    await file.syncData();
  }

  return {
    note({ path, line, text }, refusal) {
      const receipt: Receipt = refusal === undefined ? [line, digest(text)] : [line, digest(text), refusal];
      const lines = noted.get(path) ?? [];
      noted.set(path, lines);
      lines.push(JSON.stringify(receipt));
      writing ??= write();
      writing.catch(() => {});
    },
    async flush() {
      await writing;
    },
  };
}

/**
 * The directory of dead letters, which several processes may share: a writer holds its lock meanwhile, and only one
 * at a time may change or remove letters.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory } from "../storage/durable_files.ts";
import { listLetterFiles, readLines, rewriteLines } from "./files.ts";
import { refuseAgain } from "./letter.ts";
import { type LocatedLetter, readReceipts, receiptsPath } from "./receipts.ts";
import { pickLetters, readLetter } from "./rows.ts";

/** Creates a missing directory, and runs `fn` while no other process writes or removes letters. */
export async function withLock<T>(directory: string, fn: () => Promise<T>): Promise<T> {
  await makeDirectory(directory);
  using lock = await Deno.open(join(directory, ".lock"), { create: true, write: true, mode: 0o600 });
  await lock.lock(true);
  return await fn();
}

/** Letters locked by this process, which alone may change them: until then they stay on their lines. */
export interface HeldLetters extends Disposable {
  /**
   * Changes letters for good: each is replaced by the result of `change`, kept if that is the line's own text, and
   * removed if it is `undefined`. Files are replaced one by one, each as a whole. Letters added meanwhile stay.
   */
  rewrite(change: (located: LocatedLetter) => string | undefined): Promise<void>;
  /** Applies receipts: stored letters are removed, those refused again count one more replay. */
  settle(): Promise<void>;
}

/**
 * Locks the letters of a directory, and applies receipts that a killed replay has left. Letters can be added meanwhile.
 * Disposing of the lock releases it.
 *
 * @throws {Error} If another process has the lock.
 */
export async function holdLetters(directory: string): Promise<HeldLetters> {
  await makeDirectory(directory);
  const file = await Deno.open(join(directory, ".removal.lock"), { create: true, write: true, mode: 0o600 });
  if (!await file.tryLock(true)) {
    file.close();
    throw new LettersHeldError(
      `Cannot change dead letters in "${directory}": another "barline dlq", or a replay, does. Wait for its end`,
    );
  }
  const held: HeldLetters = {
    async rewrite(change) {
      for (const path of await listLetterFiles(directory)) {
        await withLock(directory, () => rewriteFile(path, change));
      }
    },
    settle: () => settleReceipts(directory),
    [Symbol.dispose]: () => file.close(),
  };
  try {
    await held.settle();
  } catch (error) {
    file.close();
    throw error;
  }
  return held;
}

/** Another process is changing the letters. */
export class LettersHeldError extends Error {
  override name = "LettersHeldError";
}

async function rewriteFile(path: string, change: (located: LocatedLetter) => string | undefined): Promise<void> {
  const changed = new Map<number, string | undefined>();
  for await (const located of readFile(path)) {
    const text = change(located);
    if (text !== located.text) changed.set(located.line, text);
  }
  if (changed.size === 0) return;
  await rewriteLines(path, (line, text) => changed.has(line) ? changed.get(line) : text);
}

async function settleReceipts(directory: string): Promise<void> {
  for (const receipts of await listReceipts(directory)) {
    const path = receipts.slice(0, -receiptsPath("").length);
    await withLock(directory, async () => {
      const known = await readReceipts(path);
      if (known.size > 0 && (await listLetterFiles(directory)).includes(path)) {
        await rewriteLines(path, (line, text) => {
          const found = known.find(line, text);
          if (found === "stored") return undefined;
          return found === undefined ? text : JSON.stringify(refuseAgain(readLetter(text)!, found));
        });
      }
      await Deno.remove(receipts);
    });
  }
}

async function listReceipts(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(receiptsPath(""))) paths.push(join(directory, name));
  }
  return paths;
}

/** Reads all letters, oldest first, in constant memory. Lines that are not letters are left out. */
export async function* readLetters(directory: string): AsyncGenerator<LocatedLetter> {
  for (const path of await listLetterFiles(directory)) yield* readFile(path);
}

async function* readFile(path: string): AsyncGenerator<LocatedLetter> {
  const receipts = await readReceipts(path);
  for await (const { line, text } of pickLetters(readLines(path))) {
    const found = receipts.find(line, text);
    if (found === "stored") continue;
    const letter = readLetter(text);
    if (letter === undefined) continue;
    yield { path, line, text, letter: found === undefined ? letter : refuseAgain(letter, found) };
  }
}

/**
 * Dead letters as a file to edit: one JSON object a line, each with its number, so that lines may be moved or left out.
 *
 * @module
 */
import { parseLetter, type StoredLetter } from "./letter.ts";
import type { LocatedLetter } from "./receipts.ts";

/** The file of these letters; each is numbered from 1. */
export function formatEdit(letters: readonly LocatedLetter[]): string {
  return letters.map(({ letter }, at) => `${formatLine(at + 1, letter)}\n`).join("");
}

function formatLine(number: number, letter: StoredLetter): string {
  return JSON.stringify({ letter: number, ...letter });
}

/** Result of reading an edited file. */
export interface Edit {
  /** Letters with changed records, as they will be written. */
  readonly changed: ReadonlyMap<LocatedLetter, StoredLetter>;
  /** Problems of the file, a sentence each; with any problem nothing is changed. */
  readonly problems: readonly string[];
}

/**
 * Reads the edited file. Only `items` may differ; a letter whose line is missing stays unchanged. The replays of a
 * changed letter count from 0 again.
 *
 * @param findFaults Why the records of a letter would be refused again.
 */
export function parseEdit(
  text: string,
  letters: readonly LocatedLetter[],
  findFaults: (letter: StoredLetter) => string[],
): Edit {
  const changed = new Map<LocatedLetter, StoredLetter>();
  const problems: string[] = [];
  const seen = new Set<number>();
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const wrong = (what: string) => problems.push(`line ${at + 1}: ${what}`);
    const edited = parseLetter(line);
    if (edited === undefined) {
      wrong("it is no letter, expected one JSON object a line, with items and metadata");
      continue;
    }
    const number = (edited as StoredLetter & { letter?: number }).letter;
    const located = letters[Number(number) - 1];
    if (located === undefined) {
      wrong(`"letter" is ${JSON.stringify(number)}, expected the number that was there, from 1 to ${letters.length}`);
      continue;
    }
    if (seen.has(number!)) {
      wrong(`"letter" ${number} is there twice`);
      continue;
    }
    seen.add(number!);
    if (JSON.stringify(edited.items) === JSON.stringify(located.letter.items)) continue;
    const { replays: _, ...metadata } = located.letter.metadata;
    const letter = { ...located.letter, metadata, items: edited.items };
    const faults = edited.items.length === 0 ? ["items are empty, expected at least one record"] : findFaults(letter);
    for (const fault of faults) wrong(fault);
    changed.set(located, letter);
  }
  return { changed, problems };
}

/**
 * Holds back repeated messages.
 *
 * @module
 */

/** Shortest time between two lines that say the same, in milliseconds. */
const EVERY_MS = 60_000;
/** Texts that are remembered. */
const REMEMBERED = 100;

/**
 * Makes a gate for lines. It gives how many of the same were held back since the last one that it let through, or
 * `undefined` for one to be held back.
 */
export function createRepeatGate(now: () => number = () => performance.now()): (text: string) => number | undefined {
  const said = new Map<string, { at: number; held: number }>();
  return (text) => {
    const before = said.get(text);
    if (before !== undefined && now() - before.at < EVERY_MS) {
      before.held++;
      return undefined;
    }
    // The oldest goes first: a map keeps the order in which its keys came.
    said.delete(text);
    if (said.size >= REMEMBERED) said.delete(said.keys().next().value!);
    said.set(text, { at: now(), held: 0 });
    return before?.held ?? 0;
  };
}

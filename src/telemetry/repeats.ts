/**
 * Holds back repeated messages.
 *
 * @module
 */

/** Shortest time between two equal lines, in milliseconds. */
const EVERY_MS = 60_000;
/** Most texts to remember. */
const REMEMBERED = 100;

/**
 * Creates a gate for lines. It returns how many equal ones were held back since the last that passed, or `undefined` to
 * hold a line back.
 */
export function createRepeatGate(now: () => number = () => performance.now()): (text: string) => number | undefined {
  const said = new Map<string, { at: number; held: number }>();
  return (text) => {
    const before = said.get(text);
    if (before !== undefined && now() - before.at < EVERY_MS) {
      before.held++;
      return undefined;
    }
    // The oldest is dropped first: a map keeps the order of its keys.
    said.delete(text);
    if (said.size >= REMEMBERED) said.delete(said.keys().next().value!);
    said.set(text, { at: now(), held: 0 });
    return before?.held ?? 0;
  };
}

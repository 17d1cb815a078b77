/**
 * Chance that can be repeated: the same seed gives the same run.
 *
 * @module
 */

/** Numbers from a seed. */
export interface Random {
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** One of these. */
  pick<T>(choices: readonly T[]): T;
}

/** Makes a source of numbers (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return { between, pick: (choices) => choices[between(0, choices.length - 1)] };
}

/** The seed of one trial of a scenario, from that of the whole run. */
export function trialSeed(seed: number, name: string, trial: number): number {
  let mixed = seed ^ Math.imul(trial + 1, 0x9e3779b1);
  for (const character of name) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193);
  return mixed >>> 0;
}

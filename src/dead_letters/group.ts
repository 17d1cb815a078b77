/**
 * Counts dead letters in groups, for people.
 *
 * @module
 */
import type { LetterFilter } from "./filter.ts";
import { replaysOf } from "./letter.ts";
import type { LocatedLetter } from "./receipts.ts";

/** Fields to group letters by. */
export const GROUPINGS = ["reason", "sqlstate", "provider", "age"] as const;
/** One of {@linkcode GROUPINGS}. */
export type Grouping = typeof GROUPINGS[number];

/** Letters with equal values of the fields they are grouped by. */
export interface LetterGroup {
  readonly reason?: string;
  readonly sqlstate?: string;
  readonly provider?: string;
  readonly age?: string;
  /** Number of records in the letters. */
  readonly count: number;
  /** When the oldest and the newest was written, in seconds since 1970-01-01 UTC. */
  readonly first: number;
  readonly last: number;
  /** Most replays of one of them that was refused again. */
  readonly replays: number;
}

/** Most separate groups: the number of reasons has no bound. The others are counted as one. */
const MAX_GROUPS = 1000;
const OTHERS = "(others)";

/** Upper bounds of ages, in seconds. */
const AGES: readonly (readonly [number, string])[] = [
  [60, "up to a minute"],
  [3600, "up to an hour"],
  [86_400, "up to a day"],
  [604_800, "up to a week"],
  [Infinity, "over a week"],
];

/** Counts the matching letters; by age the youngest come first, otherwise the largest group. */
export async function groupLetters(
  letters: AsyncIterable<LocatedLetter>,
  matches: LetterFilter,
  by: readonly Grouping[],
  nowMs: number = Date.now(),
): Promise<LetterGroup[]> {
  const groups = new Map<string, LetterGroup>();
  for await (const located of letters) {
    if (!matches(located)) continue;
    const { letter } = located;
    let common = describe(located, by, nowMs);
    let name = JSON.stringify(common);
    if (!groups.has(name) && groups.size >= MAX_GROUPS) {
      common = Object.fromEntries(by.map((field) => [field, OTHERS]));
      name = OTHERS;
    }
    const { count = 0, first = letter.ts, last = letter.ts, replays = 0 } = groups.get(name) ?? {};
    groups.set(name, {
      ...common,
      count: count + letter.items.length,
      first: Math.min(first, letter.ts),
      last: Math.max(last, letter.ts),
      replays: Math.max(replays, replaysOf(letter)),
    });
  }
  const order = (group: LetterGroup) => AGES.findIndex(([, name]) => name === group.age);
  return [...groups.values()].sort((a, b) => order(a) - order(b) || b.count - a.count);
}

function describe({ letter: { ts, metadata } }: LocatedLetter, by: readonly Grouping[], nowMs: number) {
  const { reason, sqlstate, provider } = metadata;
  const [, age] = AGES.find(([seconds]) => nowMs / 1000 - ts <= seconds)!;
  const all = { reason, sqlstate, provider, age };
  return Object.fromEntries(by.map((field) => [field, all[field]]));
}

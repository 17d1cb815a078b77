/**
 * Tells what became of gaps after the provider's history was asked.
 *
 * @module
 */
import { type Interval, subtract } from "../records/intervals.ts";
import type { GapOutcome } from "./outcome.ts";
import type { Gap } from "./scan.ts";

/** What the history of a symbol has told. */
export interface Answer {
  /** All that history has in these is stored, or was refused. */
  readonly read: readonly Interval[];
  /** History has nothing before it, in epoch ms; -Infinity where no end showed. */
  readonly reach: number;
  /** Bars that history has and that could not be stored. */
  readonly refused: readonly Interval[];
  /** What the account may not read, and why. */
  readonly denied: readonly { readonly interval: Interval; readonly reason: string }[];
  /** From here on a bar may still come into history, in epoch ms. */
  readonly youngFrom: number;
}

/**
 * What became of the gaps that were found before, in order.
 *
 * @param before The gaps before history was asked.
 * @param after The gaps in the same range after that; what is in none of them is repaired.
 */
export function judgeGaps(before: readonly Gap[], after: readonly Gap[], answer: Answer): GapOutcome[] {
  const outcomes: GapOutcome[] = [];
  const left: Interval[] = after.map(({ from, to }) => [from, to]);
  let at = 0;
  for (const { from, to, isNoTrade } of before) {
    if (isNoTrade) continue;
    // Both are in order, so that what ends before this gap is never looked at again.
    while (at < left.length && left[at][1] <= from) at++;
    let end = at;
    while (end < left.length && left[end][0] < to) end++;
    for (const repaired of subtract([from, to], left.slice(at, end))) outcomes.push(outcome(repaired, "repaired"));
  }
  for (const { from, to, isNoTrade } of after) {
    if (isNoTrade) outcomes.push({ from, to, state: "no-trade", wasKnown: true });
    else outcomes.push(...judgeGap([from, to], answer));
  }
  return outcomes.sort((a, b) => a.from - b.from);
}

/** The parts of a gap that has stayed. */
function* judgeGap(gap: Interval, answer: Answer): Generator<GapOutcome> {
  const [lost, rest] = split(gap, answer.reach);
  if (lost !== undefined) yield { ...outcome(lost, "unrepairable"), reason: "history does not go back that far" };
  if (rest === undefined) return;
  let left: readonly Interval[] = [rest];
  for (const { interval: [from, to], reason } of answer.denied) {
    const own: Interval = [Math.max(from, rest[0]), Math.min(to, rest[1])];
    if (own[0] >= own[1]) continue;
    yield { ...outcome(own, "unrepairable"), reason };
    left = left.flatMap((each) => subtract(each, [own]));
  }
  for (const each of left) yield* judgeAnswered(each, answer);
}

/** The parts of a gap that history was asked about. */
function* judgeAnswered(rest: Interval, { read, refused, youngFrom }: Answer): Generator<GapOutcome> {
  const [old] = split(rest, youngFrom);
  const open = old === undefined ? [] : [...subtract(old, read), ...refused].sort((a, b) => a[0] - b[0]);
  const quiet = old === undefined ? [] : subtract(old, open);
  for (const each of quiet) yield outcome(each, "no-trade");
  for (const each of subtract(rest, quiet)) yield outcome(each, "missing");
}

/** What of an interval is before a time, and what is after it. */
function split([from, to]: Interval, time: number): [Interval | undefined, Interval | undefined] {
  const middle = Math.min(Math.max(time, from), to);
  return [from < middle ? [from, middle] : undefined, middle < to ? [middle, to] : undefined];
}

function outcome([from, to]: Interval, state: GapOutcome["state"]): GapOutcome {
  return { from, to, state };
}

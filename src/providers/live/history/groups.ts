/**
 * Groups questions to history that can be one request.
 *
 * @module
 */

/** A question: bars of a symbol from some time on. */
export interface Question {
  readonly symbol: string;
  /** In epoch ms. */
  readonly from: number;
}

/** Bars that a request reads in vain cost no more than another request, as long as they fit on one page. */
const MAX_WASTE_BARS = 10_000;

/**
 * The first question, and those that can be asked along with it: what all of them are then asked for from the earliest start
 * on would, without a pause in trading, be no more than a page of bars that are not wanted.
 *
 * @param questions At least one, in the order of their starts.
 * @param size Most of a group.
 */
export function takeGroup<Q extends Question>(questions: readonly Q[], size: number, stepMs: number): Q[] {
  const group: Q[] = [];
  let waste = 0;
  for (const question of questions) {
    waste += (question.from - questions[0].from) / stepMs;
    if (group.length > 0 && (group.length >= size || waste > MAX_WASTE_BARS)) break;
    group.push(question);
  }
  return group;
}

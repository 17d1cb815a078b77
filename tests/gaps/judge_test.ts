import { assertEquals } from "@std/assert";
import { type Answer, judgeGaps } from "../../src/gaps/judge.ts";
import type { Interval } from "../../src/records/intervals.ts";

const gaps = (...ranges: Interval[]) => ranges.map(([from, to]) => ({ from, to, isNoTrade: false }));
const noTrade = (from: number, to: number) => ({ from, to, isNoTrade: true });

/** The outcomes, as `from-to state`. */
function judge(
  before: ReturnType<typeof noTrade>[],
  after: ReturnType<typeof noTrade>[],
  answer: Partial<Answer> = {},
): string[] {
  const whole: Answer = { read: [[0, 1000]], refused: [], denied: [], reach: -Infinity, youngFrom: 1000, ...answer };
  return judgeGaps(before, after, whole).map(({ from, to, state, wasKnown }) =>
    `${from}-${to} ${state}${wasKnown ? " as known" : ""}`
  );
}

Deno.test("what is not there any more is repaired, in whole or in parts", () => {
  assertEquals(judge(gaps([10, 20], [30, 40]), []), ["10-20 repaired", "30-40 repaired"]);
  assertEquals(judge(gaps([10, 20], [30, 40]), gaps([12, 14], [15, 20], [30, 31])), [
    "10-12 repaired",
    "12-14 no-trade",
    "14-15 repaired",
    "15-20 no-trade",
    "30-31 no-trade",
    "31-40 repaired",
  ]);
});

Deno.test("what stays is without trades only where history was read", () => {
  const same = gaps([10, 20], [30, 40]);
  assertEquals(judge(same, same, { read: [[15, 35]] }), [
    "10-15 missing",
    "15-20 no-trade",
    "30-35 no-trade",
    "35-40 missing",
  ]);
  assertEquals(judge(same, same, { read: [] }), ["10-20 missing", "30-40 missing"]);
});

Deno.test("what is before the reach of history is unrepairable, although it was read", () => {
  const same = gaps([10, 20], [30, 40]);
  assertEquals(judge(same, same, { reach: 32 }), ["10-20 unrepairable", "30-32 unrepairable", "32-40 no-trade"]);
  assertEquals(judge(same, same, { reach: Infinity }), ["10-20 unrepairable", "30-40 unrepairable"]);
});

Deno.test("what the account may not read is unrepairable", () => {
  const same = gaps([10, 20], [30, 40]);
  const denied = [{ interval: [0, 15] as Interval, reason: "no plan" }, {
    interval: [32, 35] as Interval,
    reason: "no plan",
  }];
  assertEquals(judge(same, same, { denied, read: [[15, 32], [35, 38]] }), [
    "10-15 unrepairable",
    "15-20 no-trade",
    "30-32 no-trade",
    "32-35 unrepairable",
    "35-38 no-trade",
    "38-40 missing",
  ]);
});

Deno.test("what is young may still come, and what was refused is there", () => {
  const same = gaps([10, 20]);
  assertEquals(judge(same, same, { youngFrom: 16 }), ["10-16 no-trade", "16-20 missing"]);
  assertEquals(judge(same, same, { youngFrom: 5 }), ["10-20 missing"]);
  assertEquals(judge(same, same, { refused: [[12, 13]] }), ["10-12 no-trade", "12-13 missing", "13-20 no-trade"]);
  assertEquals(judge(same, same, { refused: [[-Infinity, Infinity]] }), ["10-20 missing"]);
});

Deno.test("what was known before stays known, and what another process found out meanwhile is not repaired", () => {
  const before = [noTrade(0, 5), ...gaps([5, 10])];
  assertEquals(judge(before, before), ["0-5 no-trade as known", "5-10 no-trade"]);
  assertEquals(judge(gaps([5, 10]), [noTrade(5, 10)]), ["5-10 no-trade as known"]);
});

Deno.test("tens of thousands of gaps are judged in a moment", () => {
  const before = gaps(...Array.from({ length: 50_000 }, (_, at): Interval => [2 * at, 2 * at + 1]));
  const started = performance.now();
  const outcomes = judge(before, before.filter((_, at) => at % 2 === 0), { read: [[0, 100_000]], youngFrom: 100_000 });
  assertEquals(outcomes.filter((text) => text.endsWith("repaired")).length, 25_000);
  assertEquals(performance.now() - started < 5000, true);
});

import { assertEquals } from "@std/assert";
import type { Doubt } from "../../src/coverage/coverage.ts";
import { type Denial, reconcileGaps } from "../../src/gaps/reconcile.ts";
import type { Gap } from "../../src/gaps/scan.ts";
import type { Interval } from "../../src/records/intervals.ts";
import { processorMs } from "../support/cpu.ts";

const gaps = (...ranges: Interval[]): Gap[] => ranges.map(([from, to]) => ({ from, to, isNoTrade: false }));
const noTrade = (from: number, to: number): Gap => ({ from, to, isNoTrade: true });

/** The outcomes, as `from-to state`. */
function judge(before: Gap[], after: Gap[], denied: Denial[] = []): string[] {
  return reconcileGaps(before, after, denied).map(({ from, to, state, wasKnown, reason }) =>
    `${from}-${to} ${state}${wasKnown ? " as known" : ""}${reason ? `: ${reason}` : ""}`
  );
}

Deno.test("bars found afterwards are repaired, in whole or in parts", () => {
  assertEquals(judge(gaps([10, 20], [30, 40]), []), ["10-20 repaired", "30-40 repaired"]);
  assertEquals(judge(gaps([10, 20], [30, 40]), [noTrade(12, 14), noTrade(15, 20), ...gaps([30, 31])]), [
    "10-12 repaired",
    "12-14 no-trade",
    "14-15 repaired",
    "15-20 no-trade",
    "30-31 missing: unknown",
    "31-40 repaired",
  ]);
});

Deno.test("a gap without proof is missing, even if history was asked", () => {
  const same = gaps([10, 20], [30, 40]);
  assertEquals(judge(same, same), ["10-20 missing: unknown", "30-40 missing: unknown"]);
});

Deno.test("a gap in doubt is missing or unrepairable, for the reason of the doubt", () => {
  const doubt: Doubt = { from: 10, to: 20, reason: "contradicted", foundAt: 0, dueAt: 5, attempts: 1 };
  const after = [
    { ...gaps([10, 20])[0], doubt },
    { ...gaps([30, 40])[0], doubt: { ...doubt, reason: "horizon" as const, dueAt: Infinity } },
  ];
  assertEquals(judge(gaps([10, 20], [30, 40]), after), [
    "10-20 missing: history lacks a bar that is stored",
    "30-40 unrepairable: history does not go back that far",
  ]);
});

Deno.test("a part that the account may not read is unrepairable, in the words of the vendor", () => {
  const same = gaps([10, 20], [30, 40]);
  const denied: Denial[] = [{ interval: [0, 15], reason: "no plan" }, { interval: [32, 35], reason: "no plan" }];
  assertEquals(judge(same, same, denied), [
    "10-15 unrepairable: no plan",
    "15-20 missing: unknown",
    "30-32 missing: unknown",
    "32-35 unrepairable: no plan",
    "35-40 missing: unknown",
  ]);
});

Deno.test("only ranges confirmed before count as known", () => {
  assertEquals(judge([noTrade(0, 5), ...gaps([5, 10])], [noTrade(0, 10)]), [
    "0-5 no-trade as known",
    "5-10 no-trade",
  ]);
});

Deno.test("tens of thousands of gaps are judged in a moment", () => {
  const before = gaps(...Array.from({ length: 50_000 }, (_, at): Interval => [2 * at, 2 * at + 1]));
  const started = processorMs();
  const outcomes = judge(before, before.filter((_, at) => at % 2 === 0));
  assertEquals(outcomes.filter((text) => text.endsWith("repaired")).length, 25_000);
  assertEquals(processorMs() - started < 5000, true);
});

import { assertEquals } from "@std/assert";
import { type GapReport, reportJson, reportTable } from "../../src/cli/gaps_report.ts";
import type { GapState } from "../../src/gaps/outcome.ts";

const FIRST_MS = Date.UTC(2024, 0, 2, 14, 30);
const gap = (minute: number, minutes: number, state: GapState) => ({
  from: FIRST_MS + minute * 60_000,
  to: FIRST_MS + (minute + minutes) * 60_000,
  state,
});
const series = (number: number) => ({ provider: "alpaca", symbol: `S${number}`, timeframe: "1m" });

/** What a report writes. */
function written(make: (write: (text: string) => void) => GapReport, fill: (report: GapReport) => void): string {
  let text = "";
  const report = make((more) => void (text += more));
  fill(report);
  report.end();
  return text;
}

Deno.test("the table is short for any number of gaps, and the totals are whole", () => {
  const text = written(reportTable, (report) => {
    for (let number = 0; number < 1000; number++) {
      report.series(series(number));
      for (let at = 0; at < 100; at++) report.gap(gap(2 * at, 1, "missing"));
    }
    for (let number = 0; number < 100; number++) report.skip(series(number), "no calendar is known of its market");
  });
  const lines = text.split("\n");
  assertEquals(lines.length, 1 + 10 * 6 + 5 + 3 + 1);
  assertEquals(lines[6].replaceAll(/ +/g, " "), " and 95 more 95");
  assertEquals(lines.slice(-4), [
    "and 990 more series; all with --json",
    "100 are not looked at; all with --json",
    "1,000 series, 100,000 minutes are missing",
    "",
  ]);
});

Deno.test("times without trades are counted in the table, not listed", () => {
  const text = written(reportTable, (report) => {
    report.series(series(1));
    report.gap({ ...gap(0, 3, "no-trade"), wasKnown: true });
  });
  assertEquals(text, "1 series, no minutes are missing; 3 are known to be without trades\n");
});

Deno.test("the totals show the outcome of the missing bars", () => {
  const text = written(reportJson, (report) => {
    report.series(series(1));
    report.gap(gap(0, 10, "repaired"));
    report.gap(gap(10, 4, "no-trade"));
    report.gap({ ...gap(14, 100, "no-trade"), wasKnown: true });
    report.series(series(2));
    report.gap(gap(0, 3, "unrepairable"));
    report.gap(gap(3, 2, "missing"));
  });
  assertEquals(JSON.parse(text).totals, {
    found: 19,
    repaired: 10,
    noTrade: 104,
    unrepairable: 3,
    missing: 2,
    unknown: 0,
  });
});

Deno.test("an empty report is a whole object, too", () => {
  assertEquals(JSON.parse(written(reportJson, () => {})), {
    ranges: [],
    skipped: [],
    series: 0,
    totals: { found: 0, repaired: 0, noTrade: 0, unrepairable: 0, missing: 0, unknown: 0 },
  });
});

Deno.test("a symbol cannot write to the terminal", () => {
  const text = written(reportTable, (report) => {
    report.series({ ...series(1), symbol: "X\x1b[2J" });
    report.gap(gap(0, 1, "missing"));
  });
  assertEquals(text.includes("\x1b"), false);
});

/**
 * The line in which `deno test` sums up a run: `ok | 3 passed (2 steps) | 0 failed | 1 ignored (20ms)`.
 *
 * @module
 */
import { format } from "@std/fmt/duration";

const COUNTS = ["passed", "failed", "ignored"] as const;
type Count = typeof COUNTS[number];

/** Numbers of tests, and of their steps. */
export interface Report {
  readonly tests: Readonly<Record<Count, number>>;
  readonly steps: Readonly<Record<Count, number>>;
}

/** The report of a run that ended without one: it counts as a test that failed. */
export const NO_REPORT: Report = {
  tests: { passed: 0, failed: 1, ignored: 0 },
  steps: { passed: 0, failed: 0, ignored: 0 },
};

/** Reads the last report in the output of a run, {@linkcode NO_REPORT} where it has none. */
export function parseReport(output: string): Report {
  const line = output.split("\n").findLast((line) => /^(ok|FAILED) \| \d+ passed/.test(line));
  if (line === undefined) return NO_REPORT;
  const read = (pattern: (count: Count) => string) =>
    Object.fromEntries(
      COUNTS.map((count) => [count, Number(new RegExp(pattern(count)).exec(line)?.[1] ?? 0)]),
    ) as Record<Count, number>;
  return {
    tests: read((count) => String.raw`(\d+) ${count}`),
    steps: read((count) => String.raw`${count} \((\d+) steps?\)`),
  };
}

/** Sums up reports in one line of the same form. */
export function describeReports(reports: readonly Report[], elapsedMs: number): string {
  const sum = (of: keyof Report, count: Count) => reports.reduce((total, report) => total + report[of][count], 0);
  const counts = COUNTS.filter((count) => count !== "ignored" || sum("tests", count) > 0).map((count) => {
    const steps = sum("steps", count);
    return `${sum("tests", count)} ${count}${steps > 0 ? ` (${steps} steps)` : ""}`;
  });
  const verdict = sum("tests", "failed") === 0 ? "ok" : "FAILED";
  return `${[verdict, ...counts].join(" | ")} (${format(Math.round(elapsedMs), { ignoreZero: true })})`;
}

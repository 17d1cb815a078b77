import { assertEquals } from "@std/assert";
import { describeReports, NO_REPORT, parseReport } from "./report.ts";

const COUNTED =
  "running 2 tests from ./a_test.ts\na ... ok (1ms)\n\nok | 2 passed (1 step) | 0 failed | 1 ignored (3ms)\n\n";
const FAILED = "FAILED | 1 passed | 2 failed (3 steps) (1m2s)\n";

Deno.test("parseReport() reads numbers of tests and steps from the last line that has them", () => {
  assertEquals(parseReport(COUNTED), {
    tests: { passed: 2, failed: 0, ignored: 1 },
    steps: { passed: 1, failed: 0, ignored: 0 },
  });
  assertEquals(parseReport(COUNTED + FAILED), {
    tests: { passed: 1, failed: 2, ignored: 0 },
    steps: { passed: 0, failed: 3, ignored: 0 },
  });
});

Deno.test("a run that ends without a report counts as a failed test", () => {
  assertEquals(parseReport("error: Uncaught SyntaxError\n"), NO_REPORT);
});

Deno.test("describeReports() sums up in the words of deno test", () => {
  const reports = [COUNTED, FAILED].map(parseReport);
  assertEquals(describeReports(reports.slice(0, 1), 999.6), "ok | 2 passed (1 steps) | 0 failed | 1 ignored (1s)");
  assertEquals(
    describeReports(reports, 61_000),
    "FAILED | 3 passed (1 steps) | 2 failed (3 steps) | 1 ignored (1m 1s)",
  );
  assertEquals(describeReports([], 0).split(" (")[0], "ok | 0 passed | 0 failed");
});

/**
 * Scenarios as tests of the suite.
 *
 * @module
 */
import { missingServer } from "../../support/postgres.ts";
import { testWhere } from "../../support/skip.ts";
import { createTrialRunner } from "./run.ts";
import type { Scenario } from "./scenario.ts";

/** Always the same here; `deno task faults` tries others. */
const SEED = 1;

/** Registers a test for each scenario whose mechanism no other test tries. */
export function registerScenarios(scenarios: readonly Scenario[]): void {
  const runner = createTrialRunner();
  Deno.test.afterAll(async () => await runner[Symbol.asyncDispose]());
  const uncontrolled = Deno.env.has("TEST_DATABASE_URL")
    ? "the server of TEST_DATABASE_URL is not the test's to stop or to configure"
    : undefined;
  for (const scenario of scenarios) {
    if (scenario.coveredBy !== undefined) continue;
    testWhere(
      missingServer() ?? uncontrolled ?? scenario.missing,
      `${scenario.name}: ${scenario.promise} (seed ${SEED})`,
      () => runner.run(scenario, SEED, 0),
    );
  }
}

import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { createTrialRunner } from "./harness/run.ts";
import { scenarios } from "./scenarios/mod.ts";

/** Always the same here; `deno task faults` tries others. */
const SEED = 1;

const runner = createTrialRunner();
Deno.test.afterAll(async () => await runner[Symbol.asyncDispose]());

const uncontrolled = Deno.env.has("TEST_DATABASE_URL")
  ? "the server of TEST_DATABASE_URL is not the test's to stop or to configure"
  : undefined;

for (const scenario of scenarios) {
  testWhere(
    missingServer() ?? uncontrolled ?? scenario.missing,
    `${scenario.name}: ${scenario.promise} (seed ${SEED})`,
    () => runner.run(scenario, SEED, 0),
  );
}

import { assertEquals, assertStringIncludes } from "@std/assert";
import { addressOf } from "../support/process.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const MOCK = ["--provider", "mock", "--symbols", "A", "--http", "127.0.0.1:0"];

for (
  const [mode, risk, window] of [
    ["local", "a failover loses acknowledged bars that the synchronous standby has not received", undefined],
    ["off", "a crash of the database server loses bars that it has just acknowledged", 600],
  ] as const
) {
  testWhere(
    missingServer(),
    `commits that wait for less are told at the start, by doctor and in /health (${mode})`,
    async () => {
      await using work = await openWorkspace(server);
      const run = work.startIngest([...MOCK, "--synchronous-commit", mode]);
      const url = await addressOf(run);
      const { components } = await (await fetch(`${url}/health`)).json();
      // deno-lint-ignore no-explicit-any
      const { state, details } = components.find(({ name }: any) => name === "database");
      assertEquals([state, details.synchronousCommit, details.risk, details.lossWindowMs], [
        "healthy",
        mode,
        risk,
        window,
      ]);
      run.kill("SIGTERM");
      assertStringIncludes((await run.ended).stderr, `--synchronous-commit ${mode}: ${risk}`);

      const { json } = await work.run(
        ["doctor", "--json", "--database", work.database, "--data-dir", work.dataDir, "--http", "off"],
        { env: { BARLINE_SYNCHRONOUS_COMMIT: mode } },
      );
      // deno-lint-ignore no-explicit-any
      const { detail } = json.findings.find(({ name }: any) => name === "database");
      assertStringIncludes(detail, `--synchronous-commit ${mode}: ${risk}${window ? ` within ${window} ms` : ""}`);
    },
  );
}

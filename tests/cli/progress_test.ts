import { assert, assertEquals, assertMatch } from "@std/assert";
import type { App } from "../../src/app/app.ts";
import { describePosition, startProgress } from "../../src/cli/progress.ts";
import { configureLog } from "../../src/telemetry/log.ts";
import { fakeClock } from "../support/clock.ts";
import { captureStderr } from "../support/stderr.ts";
import { openWorkspace } from "../support/workspace.ts";

Deno.test("progress is shown in percent, with the remaining time at this pace", () => {
  assertEquals(describePosition({ done: 25, total: 100 }, 60_000, 0), ["25 %", "3m left"]);
  assertEquals(describePosition({ done: 999, total: 1000 }, 60_000, 0), ["99 %", "1s left"]);
  assertEquals(describePosition({ done: 100, total: 100 }, 60_000, 0), ["100 %", "0s left"]);
});

Deno.test("a bar fills with the progress", () => {
  assertEquals(describePosition({ done: 0, total: 100 }, 1000, 4), ["░░░░ 0 %"]);
  assertEquals(describePosition({ done: 50, total: 100 }, 1000, 4), ["██░░ 50 %", "1s left"]);
  assertEquals(describePosition({ done: 120, total: 100 }, 1000, 4), ["████ 100 %", "0s left"]);
});

Deno.test("no progress is shown without a known end, or without anything to do", () => {
  assertEquals(describePosition(undefined, 1000, 4), []);
  assertEquals(describePosition({ done: 0, total: 0 }, 1000, 4), []);
});

Deno.test("without a terminal every line of standard error is a line of the log, from the start to a stop", async () => {
  await using work = await openWorkspace();
  const running = work.startIngest(["--provider", "mock", "--rate", "50", "--log-format", "json"]);
  await running.line(/opened/);
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  assertEquals(code, 0, stderr);
  const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert(lines.some(({ message }) => message.startsWith("Stopping")), stderr);
  for (const { level, message } of lines) assert(typeof level === "string" && typeof message === "string");
});

Deno.test("without a terminal a line of the log shows the progress of a file each minute", async () => {
  using captured = captureStderr();
  using clock = fakeClock(Date.parse("2024-01-02T14:30:00Z"));
  await configureLog({ level: "info", format: "text" });
  const queue = { size: 12, capacity: 5000 };
  const app = {
    tenants: () => [{ providers: () => [{ name: "replay", progress: () => ({ done: 25, total: 100 }) }] }],
    ledger: () => ({ received: 300_000, journaled: 0, deadLettered: 7 }),
    health: () => ({ coordinators: [{ kind: "bar", queue, workersAlive: 4, circuit: "closed" }] }),
  } as unknown as App;
  const progress = startProgress(false);
  progress.start(app);
  await clock.tick(59_999);
  assertEquals(captured.lines(), []);
  await clock.tick(1);
  const [line] = captured.lines();
  assertMatch(
    line,
    /^\S+ \[info\] barline: Progress: 25 % · 3m left · 300,000 records · 5,000\/s · bar queue 12\/5000 · workers 4 · circuit closed · dead letters 7$/,
  );
  await clock.tick(60_000);
  assertEquals(captured.lines().length, 2);
  progress.stop();
});

Deno.test("a start that fails says so in a line of the log too, where that is JSON", async () => {
  await using work = await openWorkspace();
  for (const args of [["--workers", "0"], ["--limt", "5"], ["--database", "postgres://me@127.0.0.1:1/x"]]) {
    const { code, stderr, json } = await work.ingest([...args, "--log-format", "json"]);
    assert(code > 0);
    const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals([lines.at(-1).level, lines.at(-1).message], ["ERROR", json.error]);
  }
});

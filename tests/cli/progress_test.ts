import { assert, assertEquals } from "@std/assert";
import { describePosition } from "../../src/cli/progress.ts";
import { openWorkspace } from "../support/workspace.ts";

Deno.test("how much is done is told in percent, with the time that the rest will take at this pace", () => {
  assertEquals(describePosition({ done: 25, total: 100 }, 60_000, 0), ["25 %", "3m left"]);
  assertEquals(describePosition({ done: 999, total: 1000 }, 60_000, 0), ["99 %", "1s left"]);
  assertEquals(describePosition({ done: 100, total: 100 }, 60_000, 0), ["100 %", "0s left"]);
});

Deno.test("a bar fills as it goes on", () => {
  assertEquals(describePosition({ done: 0, total: 100 }, 1000, 4), ["░░░░ 0 %"]);
  assertEquals(describePosition({ done: 50, total: 100 }, 1000, 4), ["██░░ 50 %", "1s left"]);
  assertEquals(describePosition({ done: 120, total: 100 }, 1000, 4), ["████ 100 %", "0s left"]);
});

Deno.test("where no end is known, or there is nothing to do, nothing is told of it", () => {
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

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { drawOverview } from "../../src/cli/top_screen.ts";
import type { Overview } from "../../src/telemetry/overview.ts";
import { addressOf, currentProgram } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

const OVERVIEW: Overview & { state: string } = {
  ts: 1000,
  startedAt: 400,
  version: "1.2.3",
  state: "degraded",
  stopping: false,
  rate: { received: 1234.5, committed: 0.25 },
  latencyMs: { p50: 4, p99: 22 },
  coordinators: [{
    kind: "bar",
    workers: 4,
    workersAlive: 3,
    queue: { size: 4500, capacity: 5000 },
    late: 0,
    circuit: "open",
    probeAt: 1012,
  }],
  ledger: {
    received: 9,
    stored: 5,
    inserted: 5,
    updated: 0,
    unchanged: 1,
    deduplicated: 0,
    deadLettered: 1,
    journaled: 0,
    inFlight: 1,
  },
  unaccounted: 1,
  deadLettersWaiting: 7,
  providers: [{ name: "kraken", state: "waiting", received: 9, reconnects: 2, repaired: 3, lastLoss: "stall" }],
};

Deno.test("the picture shows rates, queue, circuit, ledger and providers", () => {
  const text = drawOverview(OVERVIEW, { columns: 120, rows: 40, color: false }).join("\n");
  for (
    const words of [
      "1.2.3  up 10 min  degraded",
      "1,235/s in  0.25/s committed  p50 4 ms  p99 22 ms",
      "4,500 of 5,000  workers 3/4  circuit open (probe in 12 s)",
      "received 9  stored 5  unchanged 1",
      "1 unaccounted for",
      "7 waiting",
      "last lost: stall",
    ]
  ) assertStringIncludes(text, words);
  assertEquals(text.includes("\x1b"), false);
});

Deno.test("no line is longer than the screen is wide, colour codes aside, and there are no more than it has rows", () => {
  for (const columns of [10, 40, 80]) {
    const lines = drawOverview(OVERVIEW, { columns, rows: 6, color: true, problem: "x".repeat(300) });
    assertEquals(lines.length, 6);
    // deno-lint-ignore no-control-regex
    for (const line of lines) assert(line.replace(/\x1b\[\d+m/g, "").length <= columns);
    assert(lines.some((line) => line.includes("\x1b[31m")));
  }
});

Deno.test("text from elsewhere does nothing to the terminal", () => {
  const error = "\x1b]0;owned\x07\r\nforged";
  const lines = drawOverview({ ...OVERVIEW, providers: [{ ...OVERVIEW.providers[0], error }] }, {
    columns: 200,
    rows: 40,
    color: false,
  });
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x1f]/.test(lines.join("")), false);
  assertStringIncludes(lines.at(-1)!, "\\u001b]0;owned\\u0007");
});

Deno.test("top --once prints a running instance and ends; without one it says what to do", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  const { code, stdout } = await work.run(["top", "--url", address]);
  assertEquals(code, 0);
  assertMatch(stdout, /^Barline \d.*healthy\n/);
  assertMatch(stdout, /\nmock +running /);
  running.kill("SIGTERM");
  await running.ended;
  const alone = await work.run(["top", "--url", address]);
  assertEquals(alone.code, 1);
  assertStringIncludes(alone.stderr, "is barline running there?");
  const wrong = await work.run(["top", "--url", "here"]);
  assertEquals([wrong.code, wrong.stderr.split(":", 1)[0]], [2, 'Cannot use --url "here"']);
});

const script = await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success ? undefined : "script fails", () => "script (a terminal for tests) is not installed");

testWhere(script, "on a terminal it draws until q, and leaves the terminal as it was", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const { path, args } = currentProgram();
  const words = [path, ...args, "top", "--url", await addressOf(running)].map((word) => `'${word}'`);
  // The terminal that script makes has no size. It loses what it has not read when the shell ends, so that waits for a key.
  const command = `stty cols 100 rows 30; ${words.join(" ")}; code=$?; echo "[over]"; read -r line; exit $code`;
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", command, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keys = child.stdin.getWriter();
  let text = "";
  const press = (key: string) => keys.write(new TextEncoder().encode(key));
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const before = text;
    text += chunk;
    for (const [sign, key] of [["balances", "q"], ["[over]", "\n"]]) {
      if (!before.includes(sign) && text.includes(sign)) await press(key);
    }
  }
  await keys.close().catch(() => {});
  assertEquals((await child.status).code, 0);
  assert(text.indexOf("\x1b[?1049h") >= 0);
  const shown = text.slice(0, text.indexOf("[over]"));
  assert(shown.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(shown.slice(-40)));
  running.kill("SIGTERM");
  await running.ended;
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { addressOf, currentProgram, type Program } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** Runs doctor and gives its exit code and its findings by name. */
async function examine(work: Workspace, args: readonly string[], env?: Record<string, string>) {
  const { code, json } = await work.run(
    ["doctor", "--json", "--database", work.database, "--data-dir", work.dataDir, "--http", "off", ...args],
    { env },
  );
  const findings: { name: string; ok: boolean; detail: string }[] = json.findings;
  return { code, ok: json.ok, of: (name: string) => findings.filter((finding) => finding.name === name) };
}

/** The program, with so many files that may be open. */
function limited(files: number): Program {
  const { path, args, env } = currentProgram();
  return { path: "/bin/sh", args: ["-c", `ulimit -n ${files} && exec "$0" "$@"`, path, ...args], env };
}

Deno.test("doctor reports host, database, clock and encryption", async () => {
  await using work = await openWorkspace(server);
  const { code, ok, of } = await examine(work, []);
  assertEquals([code, ok], [0, true]);
  assertMatch(of("data directory")[0].detail, /free$/);
  assertMatch(of("open files")[0].detail, /may be open$/);
  assertMatch(of("clock")[0].detail, /^\d+ ms (ahead of|behind) the database's$/);
  assertMatch(of("database")[0].detail, /PostgreSQL \d.*not encrypted.*answers in [\d.]+ ms$/);
  assertEquals(of("timescaledb").length, 1);
});

Deno.test("doctor asks a provider's history, and reports which key is missing or wrong", async () => {
  await using work = await openWorkspace(server);
  await using kraken = startFakeKraken(["BTC/USD"]);
  const well = await examine(work, ["--provider", "kraken", "--symbols", "BTC/USD"], kraken.variables);
  assertEquals([well.code, well.of("provider kraken")[0].ok], [0, true]);
  assert(kraken.requests.length > 0);
  const missing = await examine(work, ["--provider", "alpaca", "--symbols", "AAPL"]);
  assertEquals(missing.code, 1);
  assertMatch(
    missing.of("provider alpaca").map(({ detail }) => detail).join("\n"),
    /ALPACA_API_KEY.*\n.*ALPACA_SECRET_KEY/,
  );
  kraken.mishaps.push(...Array(20).fill("EQuery:Unknown asset pair"));
  const refused = await examine(work, ["--provider", "kraken", "--symbols", "BTC/USD"], kraken.variables);
  assertEquals([refused.code, refused.of("provider kraken")[0].ok], [1, false]);
  assertStringIncludes(refused.of("provider kraken")[0].detail, "Unknown asset pair");
});

testWhere(
  Deno.build.os === "windows" ? "there are no such limits" : undefined,
  "doctor finds that too few files may be open",
  async () => {
    await using work = await openWorkspace(server);
    const text = await work.run(["doctor", "--data-dir", work.dataDir, "--database", work.database, "--http", "off"], {
      program: limited(200),
    });
    assertEquals(text.code, 1);
    assertMatch(text.stdout, /FAIL {2}open files: Only \d+ more may be open, expected 512: .*ulimit -n/);
  },
);

Deno.test("doctor --ready asks a running instance and nothing else", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  const ready = await work.run(["doctor", "--ready", address]);
  assertEquals([ready.code, ready.stdout], [0, "ready\n"]);
  running.kill("SIGTERM");
  await running.ended;
  const gone = await work.run(["doctor", "--ready", address]);
  assertEquals(gone.code, 1);
  assertStringIncludes(gone.stdout, "not ready: it does not answer");
  const wrong = await work.run(["doctor", "--ready", "here"]);
  assertEquals([wrong.code, wrong.stderr], [2, 'Cannot use --ready "here": expected http://host:port\n']);
});

/** The errors that people meet in their first hour: what each says, and that it says what to do. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { FAKETIME, hasFaketime } from "../faults/harness/surroundings.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { freePort, missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const noServer = missingServer();
const noRoot = Deno.build.os === "linux" && Deno.uid() === 0 ? undefined : "only root may mount a file system";

/** Runs that end at once: the arguments, the exit code, and the sentences. */
const REFUSALS: readonly (readonly [name: string, args: string[], code: number, ...sentences: string[]])[] = [
  [
    "a key that is not set",
    ["--provider", "alpaca", "--symbols", "AAPL"],
    2,
    'Cannot use "ALPACA_API_KEY" from environment: it is not set, expected the key of an Alpaca account, from its dashboard',
  ],
  [
    "a misspelt symbol",
    ["--provider", "kraken", "--symbols", "BTCUSD"],
    2,
    'Cannot use "symbols" from --symbols: kraken cannot have a symbol "BTCUSD": expected pairs like BTC/USD',
  ],
  [
    "a misspelt provider",
    ["--provider", "krakn"],
    2,
    'did you mean "kraken"?',
  ],
  [
    "a database that is down",
    ["--database", "postgres://me@127.0.0.1:1/market", "--limit", "1"],
    1,
    "Cannot prepare the database 127.0.0.1:1/market: connect ECONNREFUSED 127.0.0.1:1. " +
    "Start the server, or correct host and port.",
  ],
];

for (const [name, args, code, ...sentences] of REFUSALS) {
  Deno.test(`${name} ends the run with exit code ${code} and a sentence that helps`, async () => {
    await using work = await openWorkspace();
    const ended = await work.ingest(args, { env: { ALPACA_API_KEY: "", ALPACA_SECRET_KEY: "" } });
    assertEquals(ended.code, code, ended.stderr);
    for (const sentence of sentences) assertStringIncludes(ended.stderr, sentence);
  });
}

Deno.test("a port in use ends the run with exit code 1, and names the option", async () => {
  await using work = await openWorkspace();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const { code, stderr } = await work.ingest(["--limit", "1", "--http", address]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, `Cannot listen on ${address}: another process has it. Choose another with --http`);
});

testWhere(noServer, "a wrong key ends the run with exit code 1, and names the variables", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  fake.refusals.push({ code: 402, msg: "auth failed" });
  const { code, stderr, json } = await work.ingest(["--provider", "alpaca", "--symbols", "AAPL"], {
    env: fake.variables,
  });
  assertEquals([code, json.received], [1, 0], stderr);
  assertStringIncludes(stderr, "check ALPACA_API_KEY and ALPACA_SECRET_KEY");
});

testWhere(noServer, "without a network a feed says so once, with what to check, and goes on trying", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeKraken(["BTC/USD"]);
  const away = Object.fromEntries(
    Object.entries(fake.variables).map(([name, value]) => [name, value.replace(/:\d+/, `:${freePort()}`)]),
  );
  const running = work.startIngest(["--provider", "kraken", "--symbols", "BTC/USD"], { env: away });
  const line = await running.line(/lost its connection/);
  assertStringIncludes(line, "It is tried again; check the network, the name server and firewalls of this machine");
  await running.line(/Feed kraken is waiting/);
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  assertEquals(code, 0, stderr);
});

testWhere(noServer ?? hasFaketime(), "an equities feed says that its market is closed, and when it opens", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  const clock = join(work.directory, "clock");
  await Deno.writeTextFile(clock, "@2026-08-15 12:00:00"); // a Saturday
  const running = work.startIngest(["--provider", "alpaca", "--symbols", "AAPL"], {
    env: { ...fake.variables, TZ: "UTC" },
    through: ["env", ...FAKETIME, `FAKETIME_TIMESTAMP_FILE=${clock}`],
  });
  assertStringIncludes(
    await running.line(/is closed/),
    "The market of alpaca is closed (us-equities): bars come when it opens, at 2026-08-17 13:30 UTC",
  );
  running.kill("SIGTERM");
  await running.ended;
});

testWhere(noRoot, "a full disk is named at the first start of the embedded database", async () => {
  await using work = await openWorkspace();
  await Deno.mkdir(work.dataDir);
  const mount = (...args: string[]) => new Deno.Command(args[0], { args: args.slice(1) }).output();
  assert((await mount("mount", "-t", "tmpfs", "-o", "size=6m", "none", work.dataDir)).success);
  try {
    const { code, stderr } = await work.ingest(["--limit", "1"]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `Cannot start the embedded database in "${work.dataDir}/postgres"`);
    assertStringIncludes(stderr, "No space left on device");
  } finally {
    await mount("umount", "--lazy", work.dataDir);
  }
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bar, START } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { addressOf } from "../support/process.ts";
import { errorsOf, openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

Deno.test("two providers are compared: /quorum lists the differences, metrics count them, the log names one", async () => {
  await using alpaca = startFakeAlpaca();
  await using massive = startFakeMassive();
  await using work = await openWorkspace(server);
  const running = work.startIngest(
    ["--provider", "alpaca", "--provider", "polygon", "--symbols", "AAPL", "--quorum", "alpaca,polygon"].concat(
      ["--quorum-tolerance", "0.01", "--http", "127.0.0.1:0"],
    ),
    { env: { ...alpaca.variables, ...massive.variables } },
  );
  const address = await addressOf(running);
  const [one, other] = await Promise.all([alpaca.connection(), massive.connection()]);
  one.bars(bar(0), bar(1));
  other.bars(bar(0), { ...bar(1), high: 250 });
  const line = await running.line(/differ between providers/);
  assertStringIncludes(line, "AAPL");
  const report = await (await fetch(`${address}/quorum`)).json();
  assertEquals(report, {
    providers: ["alpaca", "massive"],
    tolerance: 0.01,
    compared: 2,
    mismatched: 1,
    mismatches: [{
      symbol: "AAPL",
      timeframe: "1m",
      ts: START / 1000 + 60,
      fields: { high: { alpaca: 102, massive: 250, difference: 148 / 250 } },
    }],
  });
  const metrics = (await (await fetch(`${address}/metrics`)).text()).split("\n");
  for (
    const line of [
      'barline_quorum_compared_total{tenant="default"} 2',
      'barline_quorum_mismatches_total{field="high",tenant="default"} 1',
      'barline_quorum_mismatches_total{field="close",tenant="default"} 0',
    ]
  ) assert(metrics.includes(line), line);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

Deno.test("without a quorum /quorum says how to have one", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--http", "127.0.0.1:0"]);
  const response = await fetch(`${await addressOf(running)}/quorum`);
  assertEquals([response.status, await response.text()], [404, "No providers are compared: start with --quorum A,B\n"]);
  running.kill("SIGTERM");
  await running.ended;
});

const wrong: [string, string][] = [
  ["mock", 'current value is ["mock"], expected two providers'],
  ["mock,kraken,alpaca", 'current value is ["mock","kraken","alpaca"], expected two providers'],
  ["mock,kraken", 'current value is ["mock","kraken"], expected two of those that run: mock'],
];
for (const [value, message] of wrong) {
  Deno.test(`--quorum ${value} is refused`, async () => {
    await using work = await openWorkspace(server);
    const { code, stderr } = await work.ingest(["--quorum", value]);
    assertEquals([code, errorsOf(stderr)], [2, [`Cannot use "quorum" from --quorum: ${message}`]]);
  });
}

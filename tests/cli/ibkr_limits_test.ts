import { assertEquals, assertMatch } from "@std/assert";
import { startFakeTws } from "../support/fake_tws.ts";
import { bar } from "../support/ibkr.ts";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

interface Report {
  readonly state: string;
  readonly components: readonly { name: string; state: string; details: { unsubscribed?: unknown } }[];
}

Deno.test("sixty symbols of ibkr: those that TWS has room for come, the others are in /health, the metrics and the log", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeTws({ limits: { lines: 18 } });
  const symbols = Array.from({ length: 60 }, (_, at) => `S${at}`);
  const running = work.startIngest(
    ["--provider", "ibkr", "--symbols", symbols.join(), "--http", "127.0.0.1:0"],
    { env: fake.variables },
  );
  const url = await addressOf(running);
  await running.line(/2 symbols are not subscribed \(S58, S59\): TWS has no market data line left/);
  const report: Report = await (await fetch(`${url}/health`)).json();
  const provider = report.components.find(({ name }) => name === "provider:ibkr")!;
  assertEquals([report.state, provider.state], ["degraded", "degraded"]);
  assertEquals(provider.details.unsubscribed, [{
    reason: "TWS has no market data line left: get more for the account, or name fewer symbols",
    count: 2,
    symbols: ["S58", "S59"],
  }]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assertMatch(metrics, /^barline_provider_unsubscribed_symbols\{provider="ibkr",tenant="default"\} 2$/m);
  const tws = await fake.connection();
  for (const symbol of symbols.slice(0, 40)) for (const minute of [0, 1]) tws.update(bar(minute, { symbol }));
  for (const symbol of symbols.slice(40)) {
    for (let part = 0; part < 12; part++) {
      tws.part(bar(0, { symbol, ts: bar(0).ts + part * 5000, volume: 1, count: 1 }));
    }
  }
  while (await work.count() < 58) await new Promise((resolve) => setTimeout(resolve, 20));
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

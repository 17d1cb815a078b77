import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bar } from "../support/alpaca.ts";
import { configure } from "../support/configured.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { until } from "../support/until.ts";

const server = await startSharedServer();

Deno.test("a group runs alone, or beside named providers outside it", async () => {
  assertEquals((await configure("failover: [alpaca, massive]\n")).names, ["alpaca,massive"]);
  assertEquals((await configure("", { failover: "massive, alpaca" })).names, ["massive,alpaca"]);
  const file =
    "failover: [alpaca, polygon]\nprovider: [kraken, massive]\nsymbols: { kraken: [BTC/USD], alpaca: [AAPL] }\n";
  const { names, messages } = await configure(file);
  assertEquals({ names, messages }, { names: ["kraken", "alpaca,massive"], messages: [] });
});

const wrong: [string, string][] = [
  ["failover: [alpaca]\n", 'failover: current value is ["alpaca"], expected two or more'],
  ["failover: [massive, polygon]\n", 'failover: current value is ["massive","polygon"], expected two or more'],
  ["failover: [alpaca, mock]\n", 'failover: "mock" is no live feed, expected live feeds alone'],
  [
    "failover: [alpaca, kraken]\nsymbols: { alpaca: [A, B], kraken: [A/B] }\n",
    "failover: kraken has other symbols (1), expected as many as alpaca has (2), in the same order",
  ],
  [
    "failover: [massive, ibkr]\ntimeframe: { massive: 1s }\n",
    "failover: the members have the timeframes 1s, 1m, expected one for all",
  ],
];
for (const [file, problem] of wrong) {
  Deno.test(`${JSON.stringify(file)} is refused`, async () =>
    assertEquals((await configure(file)).messages, [problem]));
}

Deno.test("an unknown member is reported with the nearest name", async () => {
  assertStringIncludes((await configure("failover: [alpaca, masive]\n")).messages[0], 'did you mean "massive"?');
});

Deno.test("a run continues with the standby, and its metrics and health show it; all are gone: it exits 1", async () => {
  await using alpaca = startFakeAlpaca();
  await using massive = startFakeMassive();
  await using work = await openWorkspace(server);
  alpaca.refusals.push({ code: 402, msg: "auth failed" });
  const running = work.startIngest(
    ["--failover", "alpaca,massive", "--symbols", "AAPL", "--http", "127.0.0.1:0"],
    { env: { ...alpaca.variables, ...massive.variables } },
  );
  const address = await addressOf(running);
  const standby = await massive.connection();
  assertMatch(await running.line(/delivers in place of/), /"?massive"? delivers in place of "?alpaca"? \("?fatal"?\)/);
  standby.bars(bar(0));
  const read = async (page: string) => await (await fetch(`${address}/${page}`)).text();
  let metrics = "";
  await until(async () => {
    metrics = await read("metrics");
    return /^barline_records_stored_total\{tenant="default"\} 1$/m.test(metrics);
  });
  for (
    const line of [
      'barline_failover_active{group="alpaca,massive",provider="alpaca",tenant="default"} 0',
      'barline_failover_active{group="alpaca,massive",provider="massive",tenant="default"} 1',
      'barline_failover_switches_total{group="alpaca,massive",cause="fatal",tenant="default"} 1',
      'barline_failover_switches_total{group="alpaca,massive",cause="returned",tenant="default"} 0',
      'barline_provider_state{provider="alpaca",tenant="default"} 0',
    ]
  ) assert(metrics.split("\n").includes(line), line);
  const health = JSON.parse(await read("health"));
  assertEquals(health.state, "degraded");
  assertEquals(JSON.parse(await read("readyz")).ready, true);
  // deno-lint-ignore no-explicit-any
  const component = (name: string) => health.components.find((each: any) => each.name === name);
  assertEquals(component("failover:alpaca,massive"), {
    name: "failover:alpaca,massive",
    state: "degraded",
    details: { delivers: "massive", providers: ["alpaca", "massive"] },
  });
  assertEquals(component("provider:massive").details, { state: "up", failover: "alpaca,massive", delivers: true });
  standby.send({ ev: "status", status: "auth_failed", message: "authentication failed" });
  const { code, stdout, stderr } = await running.ended;
  assertEquals(code, 1, stdout);
  assertStringIncludes(stderr, "No provider of alpaca,massive is left");
  assertEquals(await work.query("SELECT provider, symbol FROM bars"), [{ provider: "massive", symbol: "AAPL" }]);
});

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bar } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { until } from "../support/until.ts";

const server = await startSharedServer();

Deno.test("the run continues with the feed that is left, names the failed one, and ends with exit code 1", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  await using kraken = startFakeKraken(["BTC/USD"]);
  alpaca.refusals.push({ code: 402, msg: "auth failed" });
  const config = await work.write(
    "barline.yaml",
    "provider: [alpaca, kraken]\nsymbols: { alpaca: [AAPL], kraken: [BTC/USD] }\n",
  );
  const running = work.startIngest(["--config", config, "--http", "127.0.0.1:0"], {
    env: { ...alpaca.variables, ...kraken.variables },
  });
  const url = await addressOf(running);
  await running.line(/Provider "?alpaca"? failed/);
  const connection = await kraken.connection();
  connection.update(bar(0, { symbol: "BTC/USD" }), bar(1, { symbol: "BTC/USD" }), bar(2, { symbol: "BTC/USD" }));
  while (await work.count() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assertMatch(metrics, /^barline_provider_state\{provider="alpaca",tenant="default"\} 0$/m);
  assertMatch(metrics, /^barline_provider_state\{provider="kraken",tenant="default"\} 2$/m);
  assertMatch(metrics, /^barline_provider_bars_total\{provider="kraken",kind="final",tenant="default"\} 2$/m);
  assertMatch(metrics, /^barline_provider_bars_total\{provider="kraken",kind="correction",tenant="default"\} 0$/m);
  const seconds = bar(1).ts / 1000;
  assertMatch(
    metrics,
    new RegExp(`^barline_provider_last_bar_timestamp_seconds\\{provider="kraken",tenant="default"\\} ${seconds}$`, "m"),
  );
  for (const outcome of ["found", "repaired", "unrepairable"]) {
    assertStringIncludes(
      metrics,
      `barline_gap_minutes_total{provider="kraken",outcome="${outcome}",tenant="default"} 0`,
    );
  }
  for (const outcome of ["got", "none", "lost"]) {
    assertMatch(
      metrics,
      new RegExp(`^barline_gap_bars_total\\{provider="kraken",outcome="${outcome}",tenant="default"\\} \\d+$`, "m"),
    );
  }
  for (const outcome of ["ok", "throttled", "error"]) {
    assertMatch(
      metrics,
      new RegExp(`^barline_rest_calls_total\\{provider="kraken",outcome="${outcome}",tenant="default"\\} \\d+$`, "m"),
    );
  }
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  assertEquals(code, 1, stderr);
});

Deno.test("after a restart the minutes that were missed are found, repaired and counted", async () => {
  await using work = await openWorkspace(server);
  await using kraken = startFakeKraken(["BTC/USD"]);
  const provider = ["--provider", "kraken", "--symbols", "BTC/USD"];
  for (let minute = 0; minute < 60; minute++) kraken.history.push(bar(minute, { symbol: "BTC/USD" }));
  const first = work.startIngest(provider, { env: kraken.variables });
  (await kraken.connection()).update(bar(0, { symbol: "BTC/USD" }), bar(1, { symbol: "BTC/USD" }));
  while (await work.count() < 1) await new Promise((resolve) => setTimeout(resolve, 20));
  first.kill("SIGKILL");
  await first.ended;
  const more = ["--http", "127.0.0.1:0", "--workers", "2", "--late-after", "60"];
  const second = work.startIngest([...provider, ...more], { env: kraken.variables });
  const url = await addressOf(second);
  while (await work.count() < 60) await new Promise((resolve) => setTimeout(resolve, 20));
  let metrics = "";
  const count = (name: string) => Number(new RegExp(`^${name} (\\d+)`, "m").exec(metrics)?.[1]);
  const gaps = (outcome: string) =>
    count(`barline_gap_minutes_total\\{provider="kraken",outcome="${outcome}",tenant="default"\\}`);
  await until(async () => {
    metrics = await (await fetch(`${url}/metrics`)).text();
    return gaps("repaired") >= 59;
  });
  assertEquals(gaps("found") >= 59 && gaps("found") <= 61, true, `${gaps("found")} minutes`);
  assertEquals(gaps("unrepairable"), 0);
  assertEquals(count(`barline_provider_repaired_total\\{provider="kraken",tenant="default"\\}`) >= 59, true);
  assertEquals(count(`barline_rest_calls_total\\{provider="kraken",outcome="ok",tenant="default"\\}`) >= 1, true);
  // The lane of late bars comes after the others.
  const late = count('mds_worker_batches_written_total\\{coord_id="bar",worker_id="2",tenant="default"\\}');
  assertEquals([late >= 1, count('barline_late_queue_depth\\{coord_id="bar",tenant="default"\\}')], [true, 0]);
  second.kill("SIGTERM");
  assertEquals((await second.ended).code, 0);
});

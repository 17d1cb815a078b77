import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { missingServer, startPostgres } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { until } from "../support/until.ts";

const server = await startSharedServer();

/** The series that the contract names, each with the values of its labels. */
const CONTRACT = [
  'mds_coord_items_submitted_total{coord_id="bar",tenant="default"}',
  'mds_coord_items_dropped_total{coord_id="bar",reason="invalid",tenant="default"}',
  'mds_coord_queue_depth{coord_id="bar",tenant="default"}',
  'mds_coord_workers_alive{coord_id="bar",tenant="default"}',
  'mds_coord_circuit_state{coord_id="bar",tenant="default"}',
  'mds_worker_batches_written_total{coord_id="bar",worker_id="0",tenant="default"}',
  'mds_worker_write_errors_total{coord_id="bar",worker_id="0",error_type="transient",tenant="default"}',
  'mds_worker_write_latency_seconds_count{tenant="default",coord_id="bar",worker_id="0"}',
  'sink_writes_total{sink="postgres",status="success",tenant="default"}',
  'sink_writes_total{sink="postgres",status="error",tenant="default"}',
  'sink_write_latency_seconds_count{tenant="default",sink="postgres"}',
  'barline_receive_to_commit_seconds_count{tenant="default",coord_id="bar"}',
  'barline_last_commit_timestamp_seconds{provider="mock",tenant="default"}',
  'barline_dead_letters_waiting{tenant="default"}',
  'barline_records_received_total{tenant="default"}',
  "process_resident_memory_bytes",
  "process_cpu_seconds_total",
];

async function get(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

function valueOf(page: string, series: string): number {
  const line = page.split("\n").find((each) => each.startsWith(`${series} `));
  if (line === undefined) throw new Error(`Cannot find ${series} in ${page}`);
  return Number(line.slice(series.length + 1));
}

Deno.test("/metrics has every series of the contract, and after a run they agree with the ledger", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--speed", "max", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  let page = await get(`${address}/metrics`);
  for (const series of CONTRACT) assert(valueOf(page, series) >= 0);
  assertEquals(page.includes("AAPL"), false);
  await until(async () => {
    page = await get(`${address}/metrics`);
    return valueOf(page, 'barline_records_stored_total{tenant="default"}') > 0;
  });
  assert(valueOf(page, 'mds_worker_batches_written_total{coord_id="bar",worker_id="0",tenant="default"}') >= 0);
  assert(valueOf(page, 'sink_writes_total{sink="postgres",status="success",tenant="default"}') > 0);
  assert(
    valueOf(page, 'barline_last_commit_timestamp_seconds{provider="mock",tenant="default"}') > Date.now() / 1000 - 60,
  );
  assertEquals(
    valueOf(page, 'barline_records_received_total{tenant="default"}'),
    ["stored_total", "unchanged_total", "deduplicated_total", "dead_lettered_total", "journaled", "in_flight"]
      .reduce((sum, term) => sum + valueOf(page, `barline_records_${term}{tenant="default"}`), 0),
  );
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

const promtool = await new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success ? undefined : "promtool fails", () => "promtool is not installed");

testWhere(promtool, "promtool finds nothing wrong with /metrics", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const page = await get(`${await addressOf(running)}/metrics`);
  const check = new Deno.Command("promtool", { args: ["check", "metrics"], stdin: "piped", stderr: "piped" }).spawn();
  await new Blob([page]).stream().pipeTo(check.stdin);
  const { success, stderr } = await check.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assert(success);
  running.kill("SIGTERM");
  await running.ended;
});

Deno.test("/healthz, /readyz and /health answer for a run that is well", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  assertEquals(await get(`${address}/healthz`), '{"state":"alive"}');
  const ready = await fetch(`${address}/readyz`);
  assertEquals([ready.status, await ready.json()], [200, { ready: true, reasons: [] }]);
  const health = await (await fetch(`${address}/health`)).json();
  assertEquals(Object.keys(health), ["service", "state", "components", "version", "ts"]);
  assertEquals([health.service, health.state], ["barline", "healthy"]);
  // deno-lint-ignore no-explicit-any
  assertEquals(health.components.map(({ name, state }: any) => [name, state]), [
    ["database", "healthy"],
    ["coordinator:bar", "healthy"],
    ["provider:mock", "healthy"],
  ]);
  for (const component of health.components) assertEquals(Object.keys(component), ["name", "state", "details"]);
  assertMatch(health.version, /^\d+\.\d+\.\d+/);
  assert(Math.abs(health.ts - Date.now() / 1000) < 60);
  running.kill("SIGTERM");
  await running.ended;
});

Deno.test("a feed that has never connected makes /readyz 503 and is degraded in /health", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "kraken", "--symbols", "BTC/USD", "--http", "127.0.0.1:0"], {
    env: { KRAKEN_WS_URL: "ws://127.0.0.1:1", KRAKEN_REST_URL: "http://127.0.0.1:1" },
  });
  const address = await addressOf(running);
  await running.line(/retry|waiting|Cannot connect|lost/i);
  const ready = await fetch(`${address}/readyz`);
  assertEquals([ready.status, (await ready.json()).reasons], [503, ["provider kraken has not connected yet"]]);
  const { components } = await (await fetch(`${address}/health`)).json();
  const { state, details } = components.find(({ name }: { name: string }) => name === "provider:kraken");
  assertEquals([state, details.connected], ["degraded", "not yet"]);
  running.kill("SIGTERM");
  await running.ended;
});

Deno.test("an unknown path is 404 and names the known ones; a method other than GET is 405", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  const missing = await fetch(`${address}/metrix`);
  assertEquals(missing.status, 404);
  assertStringIncludes(await missing.text(), "/metrics /healthz /readyz /health");
  const posted = await fetch(`${address}/metrics`, { method: "POST", body: "x" });
  assertEquals([posted.status, posted.headers.get("allow")], [405, "GET, HEAD"]);
  await posted.body?.cancel();
  const head = await fetch(`${address}/healthz`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  running.kill("SIGTERM");
  await running.ended;
});

testWhere(
  missingServer() ?? (Deno.env.has("TEST_DATABASE_URL") ? "the given server cannot be stopped" : undefined),
  "/readyz is 503 and /health unhealthy while the database is away, /healthz is not; all is well when it is back",
  async () => {
    await using own = await startPostgres();
    await using work = await openWorkspace(own);
    const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0", "--circuit-open-ms", "200"]);
    const address = await addressOf(running);
    const status = async (page: string) => {
      const response = await fetch(`${address}/${page}`);
      await response.body?.cancel();
      return response.status;
    };
    const until = async (page: string, wanted: number) => {
      while (await status(page) !== wanted) await delay(20);
    };
    await until("readyz", 200);
    await own.control!.stop("immediate");
    await until("readyz", 503);
    assertEquals([await status("health"), await status("healthz")], [503, 200]);
    await own.control!.start();
    await until("readyz", 200);
    running.kill("SIGTERM");
    const { code, json } = await running.ended;
    assertEquals([code, json.deadLettered, json.inFlight], [0, 0, 0]);
    assertEquals(await work.count(), json.stored);
  },
);

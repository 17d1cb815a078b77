import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const TOKEN = "a-token-of-the-operator";

Deno.test("tenants come, leave and change while the others keep running, and wrong settings change nothing", async () => {
  await using work = await openWorkspace(server);
  const stay = "  - { name: stay, symbols: [AAPL] }\n";
  const path = await work.write("barline.yaml", `tenants:\n${stay}  - { name: go, symbols: [MSFT] }\n`);
  const running = work.startIngest(["--config", path, "--http", "127.0.0.1:0"], { env: { BARLINE_HTTP_TOKEN: TOKEN } });
  const address = await addressOf(running);
  const headers = { authorization: `Bearer ${TOKEN}` };
  async function reload(yaml: string) {
    await Deno.writeTextFile(path, yaml);
    const response = await fetch(`${address}/-/reload`, { method: "POST", headers });
    return { status: response.status, text: await response.text() };
  }
  const tenants = async (yaml: string) => JSON.parse((await reload(yaml)).text).tenants;
  const overview = async (name: string) => await (await fetch(`${address}/api/overview?tenant=${name}`)).json();
  const metrics = async () => await (await fetch(`${address}/metrics`)).text();
  const before = await overview("stay");
  assertStringIncludes(await metrics(), 'barline_records_received_total{tenant="go"}');

  const come = "  - { name: come, symbols: [TSLA], capacity: 100 }\n";
  assertEquals(await tenants(`tenants:\n${stay}${come}`), {
    added: ["come"],
    removed: ["go"],
    reopened: [],
    kept: ["stay"],
  });
  while ((await work.query("SELECT 1 FROM bars WHERE tenant = 'come' LIMIT 1")).length === 0) await delay(20);
  const page = await metrics();
  assertEquals([page.includes('tenant="go"'), page.includes('tenant="come"')], [false, true]);
  assertEquals((await fetch(`${address}/api/overview?tenant=go`)).status, 404);
  // All that the one that went has taken is in the table.
  const [{ bars: left }] = await work.query("SELECT count(*)::int AS bars FROM bars WHERE tenant = 'go'");
  assert(left as number > 0);

  // Other limits open one anew; other symbols only replace its provider.
  assertEquals(await tenants(`tenants:\n${stay}${come.replace("100", "200")}`), {
    added: [],
    removed: [],
    reopened: ["come"],
    kept: ["stay"],
  });
  assertEquals((await overview("come")).coordinators[0].queue.capacity, 200);
  const changed = JSON.parse(
    (await reload(`tenants:\n${stay}${come.replace("100", "200").replace("TSLA", "NVDA")}`)).text,
  );
  assertEquals([changed.replaced, changed.kept, changed.tenants.kept], [["come/mock"], ["stay/mock"], [
    "stay",
    "come",
  ]]);
  while ((await work.query("SELECT 1 FROM bars WHERE tenant = 'come' AND symbol = 'NVDA' LIMIT 1")).length === 0) {
    await delay(20);
  }

  const wrong = await reload(`tenants:\n${stay}  - { name: come, symbol: [X], workers: none }\n`);
  assertEquals(wrong.status, 400);
  assertStringIncludes(wrong.text, 'Cannot use "tenants.come.workers"');
  const none = await reload("symbols: [AAPL]\n");
  assertEquals(none.status, 400);
  assertStringIncludes(none.text, "restart for that");
  assertEquals((await overview("come")).coordinators[0].queue.capacity, 200);
  const after = await overview("stay");
  assertEquals(after.startedAt, before.startedAt);
  assert(after.ledger.received > before.ledger.received);
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals([code, json.inFlight, json.deadLettered], [0, 0, 0]);
  assertEquals(Object.keys(json.tenants).sort(), ["come", "go", "stay"]);
  const [{ bars }] = await work.query("SELECT count(*)::int AS bars FROM bars");
  assertEquals(json.stored, bars);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { addressOf, type Running } from "../support/process.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const TOKEN = "a-token-of-the-tests";

/** Starts an ingest from a configuration file that tests rewrite. */
async function start(work: Workspace, yaml: string, env: Record<string, string> = {}) {
  const path = await work.write("barline.yaml", yaml);
  const running = work.startIngest(["--config", path, "--http", "127.0.0.1:0"], {
    env: { BARLINE_HTTP_TOKEN: TOKEN, ...env },
  });
  const address = await addressOf(running);
  return {
    running,
    address,
    async reload(next: string) {
      await Deno.writeTextFile(path, next);
      const response = await fetch(`${address}/-/reload`, {
        method: "POST",
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      return { status: response.status, body: await response.text() };
    },
    async received(provider: string): Promise<number> {
      const { providers } = await (await fetch(`${address}/api/overview`)).json();
      return providers.find(({ name }: { name: string }) => name === provider)?.received ?? 0;
    },
  };
}

async function stop(running: Running): Promise<void> {
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals([code, json.deadLettered, json.inFlight], [0, 0, 0]);
}

const bar = (symbol: string, minute: number) => ({
  symbol,
  ts: Math.floor(Date.now() / 60_000) * 60_000 - minute * 60_000,
  open: 1,
  high: 2,
  low: 1,
  close: 2,
  volume: 3,
  trades: 4,
});

/** Waits until there is a bar of the symbol in the table. */
async function stored(work: Workspace, symbol: string): Promise<void> {
  while ((await work.query(`SELECT 1 FROM bars WHERE symbol = '${symbol}' LIMIT 1`)).length === 0) await delay(20);
}

Deno.test("symbols are changed and providers added and removed while the others keep running", async () => {
  await using work = await openWorkspace(server);
  await using kraken = startFakeKraken(["BTC/USD", "ETH/USD"]);
  const run = await start(work, "symbols: { kraken: [BTC/USD], mock: [AAPL] }\n", kraken.variables);
  const first = await kraken.connection();
  assertEquals(first.symbols, ["BTC/USD"]);

  // The same once more: nothing is touched.
  const same = await run.reload("symbols: { kraken: [BTC/USD], mock: [AAPL] }\n");
  assertEquals([same.status, JSON.parse(same.body)], [200, {
    added: [],
    removed: [],
    replaced: [],
    kept: ["kraken", "mock"],
    needRestart: [],
  }]);
  assert(first.isOpen);

  const before = await run.received("mock");
  const changed = await run.reload("symbols: { kraken: [BTC/USD, ETH/USD], mock: [AAPL] }\nbatchSize: 7\n");
  assertEquals(JSON.parse(changed.body), {
    added: [],
    removed: [],
    replaced: ["kraken"],
    kept: ["mock"],
    needRestart: ["batchSize"],
  });
  const second = await kraken.connection();
  assertEquals([second.symbols, first.isOpen], [["BTC/USD", "ETH/USD"], false]);
  // The first of two is over as the second has begun.
  second.snapshot(bar("ETH/USD", 3), bar("ETH/USD", 2));
  await stored(work, "ETH/USD");
  while (await run.received("mock") <= before) await delay(20);

  const removed = await run.reload("symbols: { mock: [AAPL] }\nbatchSize: 7\n");
  assertEquals(JSON.parse(removed.body).removed, ["kraken"]);
  assertEquals(second.isOpen, false);
  const added = await run.reload("symbols: { kraken: [ETH/USD], mock: [AAPL] }\nbatchSize: 7\n");
  assertEquals(JSON.parse(added.body).added, ["kraken"]);
  assertEquals((await kraken.connection()).symbols, ["ETH/USD"]);
  await stop(run.running);
});

Deno.test("a reload makes the token of the file of variables the one that counts", async () => {
  await using work = await openWorkspace(server);
  const old = `${TOKEN}-old`;
  const path = await work.write("variables", `BARLINE_HTTP_TOKEN=${old}\n`);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], {
    env: { BARLINE_ENV_FILE: path },
  });
  const address = await addressOf(running);
  const reload = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${address}/-/reload`, { method: "POST", headers });
    await response.body?.cancel();
    return response.status;
  };
  await Deno.writeTextFile(path, `BARLINE_HTTP_TOKEN=${TOKEN}\n`);
  assertEquals([await reload(TOKEN), await reload(old)], [401, 200]);
  assertEquals([await reload(old), await reload(TOKEN)], [401, 200]);
  await stop(running);
});

Deno.test("a configuration that is not right changes nothing and says why", async () => {
  await using work = await openWorkspace(server);
  const run = await start(work, "symbols: { mock: [AAPL] }\n");
  const wrong = await run.reload("symbols: { mock: [AAPL], alpca: [X] }\ncapacity: many\n");
  assertEquals(wrong.status, 400);
  assertStringIncludes(wrong.body, 'Cannot use "capacity"');
  assertStringIncludes(wrong.body, "alpca");
  const kind = await run.reload("symbols: { mock: [AAPL] }\nkind: [news]\n");
  assertEquals(kind.status, 400);
  assertStringIncludes(kind.body, "restart for that");
  const before = await run.received("mock");
  while (await run.received("mock") <= before) await delay(20);
  const unauthorized = await fetch(`${run.address}/-/reload`, { method: "POST" });
  await unauthorized.body?.cancel();
  assertEquals(unauthorized.status, 401);
  await stop(run.running);
});

Deno.test({
  name: "SIGHUP reloads, and the log shows the result",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using work = await openWorkspace(server);
    const run = await start(work, "symbols: { mock: [AAPL] }\n");
    await Deno.writeTextFile(`${work.directory}/barline.yaml`, "symbols: { mock: [AAPL, MSFT] }\n");
    run.running.kill("SIGHUP");
    assertStringIncludes(await run.running.line(/Reloaded/), "mock");
    while ((await work.query("SELECT 1 FROM bars WHERE symbol = 'MSFT' LIMIT 1")).length === 0) await delay(20);
    await Deno.writeTextFile(`${work.directory}/barline.yaml`, "symbols: [\n");
    run.running.kill("SIGHUP");
    await run.running.line(/Nothing was reloaded/);
    await stop(run.running);
  },
});

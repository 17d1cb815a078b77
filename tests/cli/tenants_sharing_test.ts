import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { type FakeAlpaca, startFakeAlpaca } from "../support/fake_alpaca.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";
import { until } from "../support/until.ts";

const server = await startSharedServer();
const TOKEN = "a-token-of-the-operator";

const tenant = (name: string, symbols: string, more = "") =>
  `  - { name: ${name}, provider: alpaca, symbols: [${symbols}]${more} }\n`;

function bar(symbol: string, minute: number): MarketBar {
  const ts = Math.floor(Date.now() / 60_000) * 60_000 - minute * 60_000;
  return { symbol, ts, open: 1, high: 2, low: 1, close: 2, volume: 3, trades: 4 };
}

async function start(work: Workspace, alpaca: FakeAlpaca, tenants: string) {
  const path = await work.write("barline.yaml", `tenants:\n${tenants}`);
  const running = work.startIngest(["--config", path, "--http", "127.0.0.1:0"], {
    env: { ...alpaca.variables, BARLINE_HTTP_TOKEN: TOKEN },
  });
  const address = await addressOf(running);
  return {
    running,
    address,
    async reload(next: string) {
      await Deno.writeTextFile(path, `tenants:\n${next}`);
      const headers = { authorization: `Bearer ${TOKEN}` };
      const response = await fetch(`${address}/-/reload`, { method: "POST", headers });
      return { status: response.status, text: await response.text() };
    },
    /** Waits until a tenant has that many bars of a symbol, and gives who has bars of which. */
    async stored(name: string, symbol: string, bars: number) {
      const sql = `SELECT count(*)::int AS bars FROM bars WHERE tenant = '${name}' AND symbol = '${symbol}'`;
      while ((await work.query(sql))[0].bars !== bars) await delay(20);
      const rows = await work.query("SELECT DISTINCT tenant || ' ' || symbol AS who FROM bars ORDER BY 1");
      return rows.map(({ who }) => who);
    },
    /** Waits until a tenant's provider is in that state. */
    async state(name: string, wanted: string) {
      const ask = async () => (await (await fetch(`${address}/api/overview?tenant=${name}`)).json()).providers[0];
      let provider = await ask();
      await until(async () => (provider = await ask()).state === wanted);
      return provider;
    },
  };
}

Deno.test("tenants with one account share its connection, and each sees its own symbols", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  const run = await start(
    work,
    alpaca,
    tenant("acme", "AAPL, MSFT") + tenant("beta", "MSFT") + tenant("gamma", "NVDA"),
  );
  const connection = await alpaca.connection();
  for (const name of ["acme", "beta", "gamma"]) await run.state(name, "live");
  assertEquals([...connection.symbols].sort(), ["AAPL", "MSFT", "NVDA"]);
  connection.bars(bar("AAPL", 1), bar("MSFT", 1), bar("NVDA", 1));
  await run.stored("acme", "AAPL", 1);
  await run.stored("acme", "MSFT", 1);
  await run.stored("beta", "MSFT", 1);
  assertEquals(await run.stored("gamma", "NVDA", 1), ["acme AAPL", "acme MSFT", "beta MSFT", "gamma NVDA"]);
  const sent = (action: string) => alpaca.received.filter(({ message }) => message.action === action).length;
  assertEquals(sent("auth"), 1);

  // One leaves: the others notice nothing.
  const removed = await run.reload(tenant("acme", "AAPL, MSFT") + tenant("gamma", "NVDA"));
  assertEquals(JSON.parse(removed.text).tenants, {
    added: [],
    removed: ["beta"],
    reopened: [],
    kept: ["acme", "gamma"],
  });
  connection.bars(bar("MSFT", 0));
  await run.stored("acme", "MSFT", 2);
  assert(connection.isOpen);

  // One comes with a symbol that is there already, and sees it from now on; history fills in what it missed.
  await run.reload(tenant("acme", "AAPL, MSFT") + tenant("gamma", "NVDA") + tenant("delta", "AAPL"));
  await run.state("delta", "live");
  assert(connection.isOpen);
  connection.bars(bar("AAPL", 0));
  await run.stored("delta", "AAPL", 1);
  assertEquals(sent("auth"), 1);

  // One comes with another symbol: the connection is opened anew, and nobody counts it as lost.
  await run.reload(tenant("acme", "AAPL, MSFT") + tenant("gamma", "NVDA") + tenant("delta", "AAPL, TSLA"));
  const second = await alpaca.connection();
  await run.state("delta", "live");
  assertEquals([[...second.symbols].sort(), connection.isOpen], [["AAPL", "MSFT", "NVDA", "TSLA"], false]);
  second.bars(bar("TSLA", 0), bar("NVDA", 0));
  await run.stored("delta", "TSLA", 1);
  await run.stored("gamma", "NVDA", 2);
  for (const name of ["acme", "gamma"]) assertEquals((await run.state(name, "live")).reconnects, 0);
  run.running.kill("SIGTERM");
  assertEquals((await run.running.ended).code, 0);
});

Deno.test("a connection that is lost is lost for all who share it, and tried again as one", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  const run = await start(work, alpaca, tenant("acme", "AAPL") + tenant("beta", "MSFT"));
  const first = await alpaca.connection();
  for (const name of ["acme", "beta"]) await run.state(name, "live");
  first.close(1011);
  const second = await alpaca.connection();
  for (const name of ["acme", "beta"]) {
    while ((await run.state(name, "live")).reconnects === 0) await delay(20);
  }
  second.bars(bar("AAPL", 0), bar("MSFT", 0));
  await run.stored("acme", "AAPL", 1);
  assertEquals(await run.stored("beta", "MSFT", 1), ["acme AAPL", "beta MSFT"]);
  assertEquals(alpaca.received.filter(({ message }) => message.action === "auth").length, 2);
  run.running.kill("SIGTERM");
  assertEquals((await run.running.ended).code, 0);
});

Deno.test("unreadable items of a message are shown only to the tenants that the message belongs to", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  const run = await start(work, alpaca, tenant("acme", "AAPL") + tenant("beta", "MSFT"));
  const connection = await alpaca.connection();
  for (const name of ["acme", "beta"]) await run.state(name, "live");
  connection.raw('[{"T":"b","S":"MSFT","o":"secret of beta"}]');
  connection.bars(bar("AAPL", 0), bar("MSFT", 0));
  await run.stored("acme", "AAPL", 1);
  await run.stored("beta", "MSFT", 1);
  const letters = async (name: string) =>
    await (await fetch(`${run.address}/api/dead-letters/letters?tenant=${name}`)).text();
  while (!(await letters("beta")).includes("secret of beta")) await delay(20);
  assertEquals((await letters("acme")).includes("secret"), false);
  run.running.kill("SIGTERM");
  assertEquals((await run.running.ended).code, 0);
});

Deno.test("one account cannot give two tenants bars of different kinds", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  const config = await work.write(
    "barline.yaml",
    `tenants:\n${tenant("acme", "AAPL")}${tenant("beta", "AAPL", ", provisional: true")}`,
  );
  const { code, stderr } = await work.ingest(["--config", config], { env: alpaca.variables });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "takes one connection of an account");
  assertEquals(Object.values(alpaca.variables).some((secret) => secret.length > 12 && stderr.includes(secret)), false);
});

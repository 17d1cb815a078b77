import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { decode, encode } from "@msgpack/msgpack";
import { addressOf } from "../support/process.ts";
import { findPython } from "../support/python.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const python = await findPython("alpaca", ["alpaca-py==0.44.0", "msgpack==1.1.2"]);
const TOKEN = "a-token-of-alpaca-clients";
const CONFIG = `tenants:
  - { name: acme, symbols: [AAPL, MSFT], httpToken: ACME_TOKEN }
`;

/** Starts the mock for a tenant with a token, 100 bars a second, and waits until two hours are stored. */
async function start(work: Workspace) {
  const config = await work.write("barline.yaml", CONFIG);
  const running = work.startIngest(
    ["--config", config, "--provider", "mock", "--speed", "6000", "--http", "127.0.0.1:0"],
    { env: { ACME_TOKEN: TOKEN } },
  );
  const address = await addressOf(running);
  while (await work.count() < 240) await delay(50);
  return {
    address,
    async [Symbol.asyncDispose]() {
      running.kill("SIGTERM");
      await running.ended;
    },
  };
}

/** The stored bars of a symbol by time in seconds. */
async function stored(work: Workspace, symbol: string): Promise<Map<number, { close: number; volume: number }>> {
  const rows = await work.query(
    `SELECT extract(epoch FROM ts)::float8 AS ts, close, volume FROM bars WHERE symbol = '${symbol}' ORDER BY ts`,
  );
  return new Map(
    rows.map(({ ts, close, volume }) => [ts as number, { close: close as number, volume: volume as number }]),
  );
}

testWhere(
  python === undefined ? "there is no Python with venv" : undefined,
  "alpaca-py reads history and the stream when its address is changed, and is refused with a wrong key",
  async () => {
    await using work = await openWorkspace(server);
    await using run = await start(work);
    const script = new URL("alpaca_client.py", import.meta.url).pathname;
    const { success, stdout, stderr } = await new Deno.Command(python!, { args: [script, run.address, TOKEN] })
      .output();
    assert(success, new TextDecoder().decode(stderr));
    const { history, refused, live } = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
    assertEquals(refused, 401);
    assert(live.length >= 20, `${live.length} bars came live`);
    for (const symbol of ["AAPL", "MSFT"]) {
      const bars = await stored(work, symbol);
      const expected = [...bars].slice(0, 60).map(([ts, { close, volume }]) => [ts, close, volume]);
      assertEquals(history[symbol], expected);
      for (const [name, ts, close] of live) if (name === symbol) assertEquals(bars.get(ts)?.close, close);
    }
  },
);

Deno.test("pages of /alpaca/v2/stocks/bars hold each bar once, in both orders", async () => {
  await using work = await openWorkspace(server);
  await using run = await start(work);
  const ask = async (path: string, headers: Record<string, string> = { "apca-api-secret-key": TOKEN }) => {
    const response = await fetch(`${run.address}/alpaca${path}`, { headers });
    return { status: response.status, body: await response.json() };
  };
  const query = "timeframe=1Min&start=2000-01-01T00:00:00Z&end=2000-01-01T01:39:00Z&limit=37";
  for (const sort of ["asc", "desc"]) {
    const found: Record<string, string[]> = {};
    let token = "";
    do {
      const { body } = await ask(`/v2/stocks/bars?symbols=MSFT,AAPL&sort=${sort}&${query}&page_token=${token}`);
      for (const [symbol, bars] of Object.entries<{ t: string }[]>(body.bars)) {
        (found[symbol] ??= []).push(...bars.map(({ t }) => t));
      }
      token = body.next_page_token === null ? "" : encodeURIComponent(body.next_page_token);
    } while (token !== "");
    const times = Array.from(
      { length: 100 },
      (_, at) => new Date(Date.UTC(2000, 0, 1, 0, at)).toISOString().replace(".000", ""),
    );
    if (sort === "desc") times.reverse();
    assertEquals(found, { AAPL: times, MSFT: times });
  }
  const one = await ask(`/v2/stocks/AAPL/bars?${query}`, { authorization: `Basic ${btoa(`key:${TOKEN}`)}` });
  assertEquals([one.body.symbol, one.body.bars.length], ["AAPL", 37]);
  assertEquals(Object.keys(one.body.bars[0]), ["t", "o", "h", "l", "c", "v", "n", "vw"]);
  const wrong = await ask("/v2/stocks/bars?symbols=AAPL&timeframe=1Month");
  assertEquals(wrong.status, 400);
  assertMatch(wrong.body.message, /Cannot use timeframe: current value is "1Month", expected/);
  assertEquals((await ask("/v2/stocks/bars?symbols=AAPL&timeframe=1Min", {})).status, 401);
  assertEquals((await ask("/v2/stocks/trades?symbols=AAPL")).status, 404);
});

Deno.test("the stream of Alpaca's dialect answers as documented, in JSON and in MessagePack", async () => {
  await using work = await openWorkspace(server);
  await using run = await start(work);
  for (const encoding of ["json", "msgpack"]) {
    const write = (message: object) => encoding === "json" ? JSON.stringify(message) : encode(message);
    const got: unknown[] = [];
    const ended = Promise.withResolvers<void>();
    const headers = { "content-type": `application/${encoding}` };
    const socket = new WebSocket(
      `${run.address.replace("http", "ws")}/alpaca/v2/iex`,
      { headers } as unknown as string[],
    );
    socket.binaryType = "arraybuffer";
    let bars = 0;
    socket.onmessage = ({ data }) => {
      assertEquals(typeof data === "string", encoding === "json");
      const messages = (typeof data === "string" ? JSON.parse(data) : decode(new Uint8Array(data))) as Record<
        string,
        unknown
      >[];
      for (const message of messages) {
        if (message.T === "b") {
          assertEquals([message.S, message.t instanceof Date], ["MSFT", encoding === "msgpack"]);
          if (++bars === 5) socket.close();
        } else {got.push(
            message.T === "subscription" ? { T: message.T, bars: message.bars } : message.code ?? message.msg,
          );}
      }
      if (got.length === 1 && bars === 0) {
        for (
          const message of [
            { action: "subscribe", bars: ["MSFT"] },
            { action: "auth", key: "k", secret: TOKEN },
            { action: "auth", key: "k", secret: TOKEN },
            { action: "dance" },
            { action: "subscribe", trades: ["MSFT"] },
            { action: "subscribe", bars: ["MSFT", "AAPL"] },
            { action: "unsubscribe", bars: ["AAPL"] },
          ]
        ) socket.send(write(message));
      }
    };
    socket.onclose = () => ended.resolve();
    await ended.promise;
    assertEquals(got, [
      ...["connected", 401, "authenticated", 403, 400, 410],
      { T: "subscription", bars: ["MSFT", "AAPL"] },
      { T: "subscription", bars: ["MSFT"] },
    ]);
  }
  const wrong = new WebSocket(`${run.address.replace("http", "ws")}/alpaca/v2/iex`);
  const last = await new Promise((resolve) => {
    wrong.onopen = () => wrong.send(JSON.stringify({ action: "auth", key: "k", secret: "wrong" }));
    wrong.onmessage = ({ data }) => data.includes("connected") || resolve(data);
  });
  assertEquals(last, '[{"T":"error","code":402,"msg":"auth failed"}]');
  wrong.close();
});

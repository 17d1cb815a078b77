import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { addressOf, type Running } from "../support/process.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { Client } from "../support/stream.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

/** The mock's bars of two symbols, 2,000 a second. */
const MOCK = ["--provider", "mock", "--symbols", "AAPL,MSFT", "--speed", "60000", "--http", "127.0.0.1:0"];

/** Takes messages from `client.cursor` on, until `until` holds after one of a type, or the connection ends. */
async function readEvents(address: string, client: Client, until: (type: string) => boolean): Promise<void> {
  const from = client.cursor === undefined ? "&from=1990-01-01" : "";
  const headers: Record<string, string> = client.cursor === undefined ? {} : { "last-event-id": client.cursor };
  const dropped = new AbortController();
  const response = await fetch(`${address}/api/stream?symbols=AAPL${from}`, { headers, signal: dropped.signal });
  assertEquals(response.status, 200);
  let text = "";
  try {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const events = text.split("\n\n");
      text = events.pop()!;
      for (const event of events.filter((event) => event.startsWith("id: "))) {
        const [id, data] = event.split("\n");
        const { type } = client.take({ text: data.slice("data: ".length), cursor: id.slice("id: ".length) });
        if (until(type)) return;
      }
    }
  } catch {
    // The process is gone.
  } finally {
    dropped.abort();
  }
}

async function assertAll(client: Client, work: Workspace): Promise<void> {
  const rows = await work.query(
    "SELECT (extract(epoch FROM ts) * 1000)::int8::text AS ts FROM bars WHERE symbol = 'AAPL'",
  );
  assert(rows.length > 300, `${rows.length} bars are stored`);
  assertEquals([...client.versions.keys()].sort(), rows.map(({ ts }) => `AAPL ${ts}`).sort());
  assert([...client.versions.values()].every(({ length }) => length === 1));
}

Deno.test("a client that comes back after its connections and the process were cut has each bar once", async () => {
  for (const use of [server, undefined]) {
    await using work = await openWorkspace(use);
    const client = new Client();
    let running: Running;
    for (let start = 0; start < 2; start++) {
      running = work.startIngest(MOCK);
      const address = await addressOf(running);
      for (let drop = 0; drop < 5; drop++) {
        const most = client.messages + 1 + 7 * drop;
        await readEvents(address, client, () => client.messages >= most);
      }
      const most = client.messages + 100;
      const killed = readEvents(address, client, () => false);
      while (client.messages < most) await delay(10);
      running.kill("SIGKILL");
      await Promise.all([running.ended, killed]);
    }
    running = work.startIngest(["--provider", "mock", "--limit", "1", "--http", "127.0.0.1:0", "--speed", "0.001"]);
    const address = await addressOf(running);
    await readEvents(address, client, (type) => type === "live");
    running.kill("SIGTERM");
    await running.ended;
    await assertAll(client, work);
  }
});

Deno.test("/api/stream is a WebSocket too, and says what is wrong with a request", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(MOCK);
  const address = await addressOf(running);
  const open = (query: string, headers: Record<string, string> = {}) => {
    const socket = new WebSocket(
      `${address.replace("http", "ws")}/api/stream${query}`,
      { headers } as unknown as string[],
    );
    const client = new Client();
    const got = Promise.withResolvers<string>();
    socket.onmessage = ({ data }) => {
      for (const text of data.split("\n")) {
        client.take({ text, cursor: JSON.parse(text).cursor });
      }
      if (client.messages > 20) socket.close();
    };
    socket.onerror = (event) => got.resolve((event as ErrorEvent).message);
    socket.onclose = () => got.resolve("closed");
    return { client, ended: got.promise };
  };
  const { client, ended } = open("?symbols=MSFT&from=1990-01-01");
  assertEquals(await ended, "closed");
  assert([...client.versions.keys()].every((key) => key.startsWith("MSFT ")));
  // A page of another origin reads nothing.
  assertMatch(await open("", { origin: "https://example.com" }).ended, /403|status/i);

  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${address}/api/stream${query}`, { headers });
    return `${response.status} ${await response.text()}`;
  };
  assertMatch(await ask("?from=yesterday"), /^400 Cannot start from "yesterday": expected a cursor/);
  assertMatch(await ask("?from=2024-01-02T14:30:00"), /^400 Cannot start from .*a time with its zone/);
  // A client that has lost its cursor must not begin in silence with the next bar.
  assertMatch(await ask("?from="), /^400 Cannot start from ""/);
  assertMatch(await ask("?timeframe=7m"), /^400 Cannot use the timeframe "7m": expected one of/);
  assertMatch(await ask("?kinds=news"), /^400 Cannot stream the kinds "news"/);
  assertMatch(await ask("?speed=2"), /^400 Cannot replay with speed: expected from=TIME/);
  assertMatch(await ask("?from=2024-01-01&speed=-1"), /^400 Cannot use the speed "-1"/);
  assertMatch(await ask("?symbols=,"), /^400 Cannot use 0 symbols/);
  assertMatch(
    await ask("", { "last-event-id": "1~00000000~700:700:" }),
    /^410 Cannot continue: the cursor is of another/,
  );
  const reader = new AbortController();
  await fetch(`${address}/api/stream`, { signal: reader.signal });
  assertEquals((await (await fetch(`${address}/api/overview`)).json()).readers, 1);
  reader.abort();
  const metrics = await (await fetch(`${address}/metrics`)).text();
  assertMatch(metrics, /barline_stream_clients\{transport="websocket"\} 0/);
  running.kill("SIGTERM");
  const { stderr } = await running.ended;
  assertMatch(stderr, /Stream opened by 127\.0\.0\.1 for default over websocket: MSFT, from 1990/);
  assertMatch(stderr, /Stream of 127\.0\.0\.1 for default over websocket closed: \d+ messages/);
});

testWhere(missingServer(), "barline serve streams what another process commits", async () => {
  await using work = await openWorkspace(server);
  await work.migrate();
  const serving = work.start(
    ["serve", "--database", work.database, "--data-dir", work.dataDir, "--http", "127.0.0.1:0"],
  );
  const address = await addressOf(serving);
  const client = new Client();
  const reading = readEvents(address, client, () => client.messages >= 500);
  const { code } = await work.ingest([...MOCK.slice(0, 4), "--limit", "1000", "--data-dir", `${work.dataDir}-2`]);
  assertEquals(code, 0);
  await reading;
  serving.kill("SIGTERM");
  await serving.ended;
  await assertAll(client, work);
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FeedError } from "../../src/providers/live/feed.ts";
import type { MassiveOptions } from "../../src/providers/massive/endpoint.ts";
import { createMassiveFeed } from "../../src/providers/massive/feed.ts";
import {
  type FakeMassive,
  KEY,
  type MassiveScript,
  MAX_CONNECTIONS,
  startFakeMassive,
  toAggregate,
} from "../support/fake_massive.ts";
import { type RecordedSession, runSession } from "../support/session.ts";

const START = 1_610_144_640_000;
const aggregate = (symbol = "AAPL") =>
  toAggregate({ symbol, ts: START, open: 2, high: 4, low: 1, close: 3, volume: 100 });
const status = (name: string, message: string) => ({ ev: "status", status: name, message });

/** Runs one connection to the fake. */
function run(fake: FakeMassive, symbols: string[], given: Partial<MassiveOptions> = {}): RecordedSession {
  return runSession(createMassiveFeed({
    symbols,
    timeframe: "1m",
    channel: "AM",
    key: KEY,
    socketUrl: fake.variables.MASSIVE_STREAM_URL,
    restUrl: fake.variables.MASSIVE_REST_URL,
    ...given,
  }));
}

/** The error that the connection ends with. */
async function faultOf(session: RecordedSession): Promise<FeedError> {
  const error = await session.ended;
  if (!(error instanceof FeedError)) throw error;
  return error;
}

/** A plan that is told to stream no real-time data. */
const NO_REALTIME = "You don't have access real-time data. Please visit https://massive.com/pricing to upgrade.";
const NO_WEBSOCKET = "Your plan doesn't include websocket access. Visit https://massive.com/pricing to upgrade.";

for (
  const { name, script, isFatal, reason, message } of [
    {
      name: "a wrong key",
      script: { afterKey: [status("auth_failed", "authentication failed")] },
      isFatal: true,
      reason: "auth",
      message: /authentication failed.*Check MASSIVE_API_KEY/,
    },
    {
      name: "a plan without WebSocket",
      script: { afterKey: [status("auth_failed", NO_WEBSOCKET)] },
      isFatal: true,
      reason: "auth",
      message: /doesn't include websocket access.*needs a plan with WebSocket access/,
    },
    {
      name: "a key that came too late",
      script: { greeting: [status("auth_timeout", "No authentication request received.")] },
      isFatal: false,
      reason: "auth_timeout",
      message: /No authentication request received/,
    },
    {
      name: "a plan without real-time data",
      script: { afterKey: [status("auth_success", "authenticated"), status("error", NO_REALTIME)] },
      isFatal: true,
      reason: "entitlement",
      message: /MASSIVE_STREAM_URL=wss:\/\/delayed\.massive\.com\/stocks/,
    },
    {
      name: "a greeting with an error behind it",
      script: {
        greeting: [status("connected", "Connected Successfully"), status("auth_failed", "authentication failed")],
      },
      isFatal: true,
      reason: "auth",
      message: /authentication failed/,
    },
    {
      name: "a plan without any of the symbols",
      script: { known: [] },
      isFatal: true,
      reason: "refused",
      message: /refuses all symbols \(not authorized\)/,
    },
  ] as { name: string; script: Partial<MassiveScript>; isFatal: boolean; reason: string; message: RegExp }[]
) {
  Deno.test(`${name} ends the connection, ${isFatal ? "for good" : "until the next"}`, async () => {
    await using fake = startFakeMassive(script);
    await using session = run(fake, ["AAPL", "MSFT"]);
    const error = await faultOf(session);
    assertMatch(error.message, message);
    assertEquals([error.isFatal, error.reason, error.cooldownMs], [isFatal, reason, 0]);
  });
}

for (
  const [name, end] of [
    ["a status and close code 1008", undefined],
    ["close code 1008 alone", 1008],
  ] as const
) {
  Deno.test(`too many connections, reported by ${name}, ask for a minute at least`, async () => {
    await using fake = startFakeMassive();
    await using session = run(fake, ["AAPL"]);
    const connection = await fake.connection();
    // What comes beside it counts all the same.
    if (end === undefined) connection.send(aggregate(), MAX_CONNECTIONS, aggregate());
    else connection.close(end, "policy violation");
    const error = await faultOf(session);
    assertEquals([error.isFatal, error.reason], [false, "max_connections"]);
    assert(error.cooldownMs >= 60_000 && error.cooldownMs <= 90_000, `${error.cooldownMs}`);
    assertMatch(error.message, /another with the same key/);
    assertEquals(session.bars.map((bar) => bar.status), end === undefined ? ["final", "correction"] : []);
  });
}

Deno.test("any other close is a lost connection, to be tried again soon", async () => {
  await using fake = startFakeMassive();
  await using session = run(fake, ["AAPL"]);
  (await fake.connection()).close(1001);
  const error = await faultOf(session);
  assertEquals([error.isFatal, error.reason, error.cooldownMs], [false, "closed", 0]);
});

for (const inOneArray of [false, true]) {
  const how = inOneArray ? "in one array" : "one by one";
  Deno.test(`a symbol that is not authorized is refused by name, others stay subscribed; answers come ${how}`, async () => {
    await using fake = startFakeMassive({ inOneArray });
    await using session = run(fake, ["GME", "AAPL", "AMC", "MSFT"]);
    await session.until(() => session.refused.length === 2);
    assertEquals(session.subscribed, ["AAPL", "MSFT"]);
    assertEquals(session.refused, ["GME: not authorized", "AMC: not authorized"]);
    (await fake.connection()).send(aggregate("MSFT"));
    await session.until(() => session.bars.length === 1);
  });
}

Deno.test("a refusal that names its topic is taken at its word", async () => {
  await using fake = startFakeMassive({ isMute: true });
  await using session = run(fake, ["GME", "AAPL", "AMC"]);
  const connection = await fake.connection();
  connection.send(status("error", "not authorized: AM.AMC"), status("success", "subscribed to: AM.AAPL"));
  connection.send(status("success", "subscribed to: AM.GME"));
  await session.until(() => session.subscribed.length === 2);
  assertEquals([session.subscribed, session.refused], [["AAPL", "GME"], ["AMC: not authorized: AM.AMC"]]);
});

Deno.test("statuses and bars in one array are all read, and bars prove a subscription", async () => {
  await using fake = startFakeMassive({ isMute: true });
  await using session = run(fake, ["AAPL", "MSFT"]);
  (await fake.connection()).send(
    aggregate("AAPL"),
    status("success", "subscribed to: AM.MSFT"),
    aggregate("MSFT"),
    status("success", "subscribed to: AM.AAPL"),
  );
  await session.until(() => session.bars.length === 2);
  assertEquals(session.subscribed.toSorted(), ["AAPL", "MSFT"]);
});

Deno.test("topics without an answer are taken for held ones after a while", async () => {
  await using fake = startFakeMassive({ isMute: true });
  await using session = run(fake, ["AAPL", "MSFT"], { answerMs: 200 });
  await session.until(() => session.subscribed.length === 2);
  assertEquals(session.refused, []);
});

Deno.test("a refusal without a name goes to the first topic without an answer, when no more come", async () => {
  await using fake = startFakeMassive({ isMute: true });
  await using session = run(fake, ["AAPL", "GME", "MSFT"], { answerMs: 500 });
  (await fake.connection()).send(status("success", "subscribed to: AM.AAPL"), status("error", "not authorized"));
  await session.until(() => session.subscribed.length === 2);
  assertEquals([session.subscribed, session.refused], [["AAPL", "MSFT"], ["GME: not authorized"]]);
});

Deno.test("a quiet night is no reason to reconnect: a held topic is asked for again, without an answer", async () => {
  await using fake = startFakeMassive();
  await using session = run(fake, ["AAPL", "MSFT"], { keepAliveMs: 5 });
  const connection = await fake.connection();
  for (let time = 0; time < 5; time++) assertEquals(await connection.repeated(), ["AM.AAPL"]);
  connection.send(aggregate());
  await session.until(() => session.bars.length === 1);
  assertEquals(session.subscribed, ["AAPL", "MSFT"]);
});

Deno.test("a server that does not greet, or does not answer the key, is given up", async () => {
  const scripts: [Partial<MassiveScript>, string][] = [[{ greeting: [] }, "the connection"], [
    { afterKey: [] },
    "the key",
  ]];
  for (const [script, what] of scripts) {
    await using fake = startFakeMassive(script);
    await using session = run(fake, ["AAPL"], { answerMs: 50 });
    const error = await faultOf(session);
    assertEquals([error.message, error.reason], [`Massive did not answer ${what} within 50 ms`, "silence"]);
  }
});

Deno.test("malformed frames are rejected one by one, and the connection lives on", async () => {
  await using fake = startFakeMassive();
  await using session = run(fake, ["AAPL"]);
  const connection = await fake.connection();
  connection.raw("[{");
  connection.raw("{}");
  connection.send(null, { ev: "AM", sym: "AAPL" }, { ev: "unheard of" }, { ev: "status" });
  connection.send(status("error", "something new"), status("new", "something else"));
  connection.send(status("error", "not authorized"));
  connection.send(aggregate());
  await session.until(() => session.bars.length === 1);
  assertEquals(session.rejected.map(({ reason }) => reason), [
    "message is not JSON",
    "message is not an array",
    "message has no kind",
    "bar is not as documented",
    "status is not as documented",
    "error that is not documented",
    "error that is not documented",
  ]);
});

Deno.test("many symbols are asked for in parts, and once each", async () => {
  const symbols = Array.from({ length: 1200 }, (_, at) => `S${at}`);
  await using fake = startFakeMassive({ known: symbols });
  await using session = run(fake, symbols);
  await session.until(() => session.subscribed.length === 1200);
  assertEquals((await fake.connection()).topics.size, 1200);
});

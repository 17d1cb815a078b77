import { assert, assertEquals, assertRejects } from "@std/assert";
import { FeedError } from "../../src/providers/live/feed.ts";
import { runStream, type StreamOptions } from "../../src/providers/alpaca/stream.ts";
import { assertNoSecrets, bar, connect, createSession } from "../support/alpaca.ts";
import { type FakeAlpaca, type FakeAlpacaOptions, KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";

const symbols = (count: number) => Array.from({ length: count }, (_, at) => `S${at}`);
const subscriptions = (fake: FakeAlpaca) => fake.received.filter(({ message }) => message.action === "subscribe");
const logins = (fake: FakeAlpaca) => fake.received.filter(({ message }) => message.action === "auth");

/** One connection to a fake. */
function run(fake: FakeAlpaca, options: Partial<StreamOptions> = {}) {
  const noted = createSession();
  const ended = runStream(noted.session, {
    url: `ws://127.0.0.1:${fake.port}/v2/iex`,
    feed: "iex",
    key: KEY,
    secret: SECRET,
    symbols: ["AAPL"],
    ...options,
  });
  // It is looked at when the test comes to it.
  ended.catch(() => {});
  return {
    ...noted,
    ended,
    async [Symbol.asyncDispose]() {
      noted.end();
      await ended.catch((error) => assertNoSecrets(error));
    },
  };
}

/** Runs until the symbols have been dealt with. */
async function subscribe(wanted: readonly string[], options: FakeAlpacaOptions) {
  await using fake = startFakeAlpaca(options);
  await using stream = run(fake, { symbols: wanted });
  await stream.until(() => stream.subscribed.length + stream.refused.length === new Set(wanted).size);
  return { stream, asked: subscriptions(fake).length };
}

Deno.test("each symbol is subscribed once, in requests that are not too long", async () => {
  const { stream, asked } = await subscribe([...symbols(1201), "S0", "S700"], {});
  assertEquals(stream.subscribed, symbols(1201));
  assertEquals(stream.refused, []);
  assertEquals(asked, 3);
});

Deno.test("symbols left out of the answer are asked for again in the connection, and are subscribed when they are taken", async () => {
  await using fake = startFakeAlpaca({ silent: ["HUSH"] });
  await using stream = run(fake, { symbols: ["AAPL", "HUSH", "MSFT"], askAgainMs: 20 });
  await stream.until(() => stream.subscribed.length === 2);
  await fake.until(() => subscriptions(fake).length === 2);
  fake.silent.clear();
  await stream.until(() => stream.subscribed.length === 3);
  assertEquals([stream.subscribed, stream.refused], [["AAPL", "MSFT", "HUSH"], []]);
  assertEquals(subscriptions(fake).slice(1).map(({ message }) => message.bars), [["HUSH"], ["HUSH"]]);
});

Deno.test("symbols that every answer leaves out are refused by name after four requests", async () => {
  for (const symbols of [["AAPL", "HUSH"], ["HUSH"]]) {
    await using fake = startFakeAlpaca({ silent: ["HUSH"] });
    await using stream = run(fake, { symbols, askAgainMs: 1 });
    await stream.until(() => stream.refused.length === 1);
    assertEquals(stream.reasons, ["Alpaca left it out of 4 subscriptions"]);
    assertEquals(subscriptions(fake).length, 4);
    if (symbols.length === 1) await assertRejects(() => stream.ended, FeedError, "refused each of the symbols: HUSH");
  }
});

Deno.test("corrections left out of the answer are asked for again, and named where they stay out", async () => {
  await using fake = startFakeAlpaca();
  fake.uncorrected.add("AAPL").add("MSFT");
  await using stream = run(fake, { symbols: ["AAPL", "MSFT", "SPY"], askAgainMs: 10 });
  await stream.until(() => stream.subscribed.length === 3);
  await fake.until(() => subscriptions(fake).length === 2);
  fake.uncorrected.delete("MSFT");
  await fake.until(() => subscriptions(fake).length === 4);
  while (stream.notices.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(stream.notices, [
    "Alpaca left AAPL out of updatedBars: corrections of their bars come from history alone",
  ]);
  assertEquals([stream.subscribed, stream.refused], [["AAPL", "MSFT", "SPY"], []]);
  assertEquals(subscriptions(fake)[1].message.bars, ["AAPL", "MSFT"]);
});

Deno.test("symbols above the limit are refused by name, the others stay subscribed", async () => {
  const { stream, asked } = await subscribe(symbols(59), { limit: 30 });
  assertEquals(stream.subscribed, symbols(30));
  assertEquals(stream.refused, symbols(59).slice(30));
  assertEquals(stream.reasons[0], "the Alpaca subscription allows no more symbols (405 symbol limit exceeded)");
  assert(asked < 15, `${asked} requests`);
});

Deno.test("an impossible symbol is found and refused by name, the others stay subscribed", async () => {
  const wanted = [...symbols(20), "no/such", ...symbols(40).slice(20)];
  const { stream, asked } = await subscribe(wanted, { known: symbols(40) });
  assertEquals(stream.subscribed.toSorted(), symbols(40).toSorted());
  assertEquals(stream.refused, ["no/such"]);
  assert(asked < 15, `${asked} requests`);
});

Deno.test("a notice names the symbol that is refused, once for all connections", async () => {
  await using fake = startFakeAlpaca({ known: ["AAPL"] });
  await using feed = await connect(fake, { symbols: ["AAPL", "aapl"] });
  const first = await fake.connection();
  await fake.until(() => subscriptions(fake).length === 3);
  first.close();
  const second = await fake.connection();
  await fake.until(() => subscriptions(fake).length === 6);
  second.bars(bar(0));
  await feed.read((bars) => bars.length === 1);
  assertEquals(feed.context.notices, ["aapl is refused: Alpaca has no such symbol (400 invalid syntax)"]);
});

Deno.test("the connection waits for nothing if no symbol is accepted", async () => {
  await using fake = startFakeAlpaca({ known: [] });
  await using stream = run(fake, { symbols: ["A", "B"] });
  const error = await assertRejects(() => stream.ended, FeedError, "refused each of the symbols: A, B");
  assert(error.isFatal);
});

Deno.test("the old connection may still count if not even one symbol is allowed", async () => {
  await using fake = startFakeAlpaca({ limit: 0 });
  await using stream = run(fake);
  const error = await assertRejects(() => stream.ended, FeedError);
  assertEquals({ isFatal: error.isFatal, cooldownMs: error.cooldownMs }, { isFatal: false, cooldownMs: 90_000 });
});

const crowded = { code: 406, msg: "connection limit exceeded" };

Deno.test("while another connection counts, the key is sent again on the same socket", async () => {
  await using fake = startFakeAlpaca();
  fake.refusals.push(...Array(15).fill(crowded));
  await using stream = run(fake, { reauthMs: 1 });
  await stream.until(() => stream.subscribed.length === 1);
  assertEquals(logins(fake).length, 16);
  assertEquals(stream.notices, [
    "Alpaca still counts another connection of the account (406 connection limit exceeded), waiting",
  ]);
});

Deno.test("after a minute of that, the next connection waits for 90 s", async () => {
  await using fake = startFakeAlpaca();
  fake.refusals.push(...Array(16).fill(crowded));
  await using stream = run(fake, { reauthMs: 1 });
  const error = await assertRejects(() => stream.ended, FeedError, "406 connection limit exceeded");
  assertEquals({ isFatal: error.isFatal, cooldownMs: error.cooldownMs }, { isFatal: false, cooldownMs: 90_000 });
  assertEquals(logins(fake).length, 16);
});

Deno.test("a server that turns away and hangs up is left alone as long", async () => {
  await using fake = startFakeAlpaca();
  fake.refusals.push({ ...crowded, close: true });
  await using stream = run(fake);
  const error = await assertRejects(() => stream.ended, FeedError);
  assertEquals(error.cooldownMs, 90_000);
});

Deno.test("a server that does not answer is given up", async () => {
  await using mute = startFakeAlpaca();
  mute.refusals.push({ code: 403, msg: "already authenticated" });
  // Its 403 is taken for a yes, but the subscription finds it not authenticated.
  await using stream = run(mute);
  await assertRejects(() => stream.ended, FeedError, "401 not authenticated");

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onerror = (event) => event.preventDefault();
    return response;
  });
  const noted = createSession();
  await assertRejects(
    () =>
      runStream(noted.session, {
        url: `ws://127.0.0.1:${server.addr.port}`,
        feed: "iex",
        key: KEY,
        secret: SECRET,
        symbols: ["AAPL"],
        answerMs: 20,
      }),
    FeedError,
    "Alpaca did not greet for 20 ms",
  );
  await server.shutdown();
});

Deno.test("a key that a server repeats appears in no error and no dead letter", async () => {
  await using fake = startFakeAlpaca();
  await using stream = run(fake);
  const connection = await fake.connection();
  connection.raw(JSON.stringify({ odd: `${KEY} ${SECRET}` }));
  connection.error(409, `${KEY} ${SECRET} has no subscription`);
  const error = await assertRejects(() => stream.ended, FeedError, "409 (key) (key) has no subscription");
  assertEquals(stream.items, [{ odd: "(key) (key)" }]);
  assertNoSecrets(error, stream.items);
});

Deno.test("a quiet server that answers is asked now and then, and given up when it no longer answers", async () => {
  await using fake = startFakeAlpaca();
  await using stream = run(fake, { quietMs: 30 });
  await fake.connection();
  await fake.until(() => subscriptions(fake).length >= 5);
  assertEquals(subscriptions(fake)[4].message, { action: "subscribe", bars: ["AAPL"] });
  fake.answersAgain = false;
  await assertRejects(() => stream.ended, FeedError, "Alpaca no longer answers");
});

Deno.test("a quiet server that never answered is not given up", async () => {
  await using fake = startFakeAlpaca();
  fake.answersAgain = false;
  await using stream = run(fake, { quietMs: 10 });
  const connection = await fake.connection();
  await fake.until(() => subscriptions(fake).length >= 10);
  connection.error(500, "internal error");
  await assertRejects(() => stream.ended, FeedError, "500 internal error");
});

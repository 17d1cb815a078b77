import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { startFakeTws } from "../support/fake_tws.ts";
import { bar, connect, has, minutes, START, subscribed } from "../support/ibkr.ts";
import { encode } from "../support/tws_wire.ts";
import { recordsOf } from "../support/frames.ts";

Deno.test("a connection without a listener is tried again", async () => {
  const port = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return String(listener.addr.port);
  })();
  await using fake = startFakeTws();
  await using feed = await connect(fake, { variables: { IBKR_PORT: port } });
  await feed.lost("connect");
  const lost = feed.events.find((event) => event.type === "feed-lost");
  assertMatch(String(lost?.error), /Cannot connect to TWS at 127\.0\.0\.1:\d+, is it running/);
});

Deno.test("a client id in use ends the feed, and says what to do", async () => {
  await using fake = startFakeTws({ inUse: new Map([[7, 1]]) });
  await using feed = await connect(fake, { variables: { IBKR_CLIENT_ID: "7" } });
  const error = await assertRejects(() => feed.reader.read(), Error);
  assertMatch(error.message, /another client with the id 7: set IBKR_CLIENT_ID/);
});

for (const isShared of [false, true]) {
  const name = isShared ? "connections that tenants share" : "a connection of its own";

  Deno.test(`a client id that TWS has not yet let go of is waited for, with ${name}`, async () => {
    const inUse = new Map<number, number>();
    await using fake = startFakeTws({ inUse });
    await using feed = await connect(fake, { isShared });
    const tws = await subscribed(fake);
    inUse.set(0, 1);
    tws.close();
    await feed.lost("client-id");
    assert(!feed.events.some((event) => event.type === "feed-state" && event.state === "failed"));
  });

  Deno.test(`a TWS that changes its port is followed there, and back when that is gone, with ${name}`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake, { isShared });
    const moved = startFakeTws();
    const tws = await subscribed(fake);
    const text = "TWS socket port has been reset and this connection is being dropped.";
    tws.info(1300, `${text} Please reconnect on the new port - ${moved.port}`);
    const there = await subscribed(moved);
    await tws.gone;
    there.update(bar(0));
    there.update(bar(1));
    await feed.read(has(0));
    assertEquals(feed.context.notices, [`TWS has changed its port to ${moved.port}: set IBKR_PORT to it`]);
    await moved[Symbol.asyncDispose]();
    await feed.lost("connect");
    await subscribed(fake);
  });
}

Deno.test("a TWS that is too old ends the feed, and says so", async () => {
  await using fake = startFakeTws({ version: 20 });
  await using feed = await connect(fake);
  const error = await assertRejects(() => feed.reader.read(), Error);
  assertMatch(error.message, /speaks a version that is not supported/);
});

Deno.test("a stream that dies with 10182 is opened again when the farm is well, under another number", async () => {
  await using fake = startFakeTws();
  // Such a wait would outlast the test.
  await using feed = await connect(fake, { symbols: ["AAPL", "MSFT"], timing: { retryMs: 3_600_000 } });
  const tws = await fake.connection();
  const first = await Promise.all([tws.subscription("AAPL"), tws.subscription("MSFT")]);
  tws.update(bar(0));
  tws.update(bar(1));
  await feed.read(has(0));
  tws.blip();
  fake.history.push(bar(1), bar(2));
  const second = await Promise.all([tws.subscription("AAPL"), tws.subscription("MSFT")]);
  assert(Math.min(...second.map(({ id }) => id)) > Math.max(...first.map(({ id }) => id)));
  await feed.read(has(2));
  assert(!feed.events.some(({ type }) => type === "feed-lost"));
});

for (
  const [code, word] of [[10182, "failed"], [10225, "bust"], [366, "unknown"], [322, "Duplicate"], [
    162,
    "cancelled",
  ]] as const
) {
  Deno.test(`a subscription that dies with ${code} is made again under another number`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake);
    const tws = await fake.connection();
    const first = await tws.subscription("AAPL");
    tws.update(bar(0));
    tws.error(first.id, code, `API historical data query ${word}`);
    fake.history.push(bar(0), bar(1));
    const second = await tws.subscription("AAPL");
    assert(second.id > first.id);
    assertEquals(minutes(await feed.read(has(0, 1))), [0, 1]);
    tws.update(bar(2));
    tws.update(bar(3));
    assertEquals(minutes(await feed.read(has(2))).at(-1), 2);
  });
}

Deno.test("after 1101 all symbols are subscribed again, and missed bars are fetched", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { symbols: ["AAPL", "MSFT"] });
  const tws = await fake.connection();
  const first = await Promise.all([tws.subscription("AAPL"), tws.subscription("MSFT")]);
  tws.update(bar(0));
  tws.update(bar(1));
  await feed.read(has(0));
  tws.info(1100, "Connectivity between IBKR and Trader Workstation has been lost.");
  for (let minute = 0; minute < 9; minute++) fake.history.push(bar(minute));
  tws.info(1101, "Connectivity between IBKR and Trader Workstation has been restored - data lost.");
  const second = await Promise.all([tws.subscription("AAPL"), tws.subscription("MSFT")]);
  assertEquals(new Set([...first, ...second].map(({ id }) => id)).size, 4);
  assertEquals(minutes(await feed.read(has(8))), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert(!feed.events.some(({ type }) => type === "feed-lost"));
});

for (
  const [before, after, name] of [
    [1100, 1102, "1102"],
    [2110, 1102, "a lost server"],
    [2103, 2104, "a broken farm"],
    [2105, 2106, "a broken farm of history"],
  ] as const
) {
  Deno.test(`after ${name} the subscriptions continue, and missed bars are fetched`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake);
    const tws = await subscribed(fake);
    tws.update(bar(0));
    tws.update(bar(1));
    await feed.read(has(0));
    tws.info(before, "It is broken:usfarm");
    for (let minute = 1; minute < 6; minute++) fake.history.push(bar(minute));
    tws.info(after, "It is OK:usfarm");
    assertEquals(minutes(await feed.read(has(5))).at(-1), 5);
    assertEquals(fake.asked.filter(({ keepUpToDate }) => keepUpToDate).length, 1);
    tws.update(bar(6));
    tws.update(bar(7));
    await feed.read(has(6));
    assert(!feed.events.some(({ type }) => type === "feed-lost"));
  });
}

Deno.test("history is not asked while TWS has lost its own connection, from the first message on", async () => {
  await using fake = startFakeTws({
    greeting: [2110, "Connectivity between Trader Workstation and server is broken."],
  });
  const newest = new Map([["AAPL", START]]);
  fake.history.push(bar(1), bar(2));
  await using feed = await connect(fake, { newest });
  const tws = await subscribed(fake);
  await feed.noticed(/history of AAPL could not be read: TWS is not connected/);
  assertEquals(fake.asked.map(({ keepUpToDate }) => keepUpToDate), [true]);
  fake.history.push(bar(3));
  tws.info(1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained.");
  await feed.read((_, frame) => recordsOf(frame).length > 0 && fake.asked.length > 1);
});

Deno.test("a connection that is open at one end only is noticed and renewed", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { timing: { watchEveryMs: 20, answerMs: 20 } });
  const tws = await subscribed(fake);
  tws.freeze();
  await feed.lost("silence");
  await tws.gone;
  const again = await subscribed(fake);
  again.update(bar(0));
  again.update(bar(1));
  await feed.read(has(0));
});

Deno.test("a connection lost at the time of the nightly reset is reported as that", async () => {
  await using fake = startFakeTws();
  await using feed = await connect(fake, { timing: { isResetTime: () => true } });
  (await subscribed(fake)).close();
  await feed.lost("nightly-reset");
  await subscribed(fake);
});

Deno.test("a server that accepts and says nothing is given up", async () => {
  await using fake = startFakeTws({ isSilent: true });
  await using feed = await connect(fake, { timing: { openTimeoutMs: 20 } });
  await feed.lost("connect");
});

for (
  const [name, bytes] of [
    ["A negative length", new Uint8Array([0xff, 0xff, 0xff, 0xfc, 0])],
    ["JSON that is none", encode([4, 2, -1, 399, "text", "{half"])],
  ] as [string, Uint8Array][]
) {
  Deno.test(`${name} ends the connection, not the process`, async () => {
    await using fake = startFakeTws();
    await using feed = await connect(fake);
    (await subscribed(fake)).raw(bytes);
    await feed.lost("protocol");
    const again = await subscribed(fake);
    again.update(bar(0));
    again.update(bar(1));
    await feed.read(has(0));
  });
}

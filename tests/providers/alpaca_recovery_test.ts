import { assertEquals } from "@std/assert";
import { bar, connect, minutes } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startRelay } from "../support/relay.ts";

const passing: [number, string, string][] = [
  [401, "not authenticated", "auth"],
  [404, "auth timeout", "auth"],
  [407, "slow client", "slow"],
  [500, "internal error", "server"],
];
for (const [code, msg, reason] of passing) {
  Deno.test(`after error ${code} the feed connects again and fills the gap`, async () => {
    await using fake = startFakeAlpaca();
    await using feed = await connect(fake);
    const first = await fake.connection();
    first.bars(bar(0));
    assertEquals(minutes(await feed.read((bars) => bars.length === 1)), [0]);
    for (let minute = 0; minute < 5; minute++) fake.history.push(bar(minute));
    first.error(code, msg);
    const second = await fake.connection();
    second.bars(bar(5));
    const bars = await feed.read((bars) => minutes(bars).includes(4) && minutes(bars).includes(5));
    assertEquals(minutes(bars), [0, 1, 2, 3, 4, 5]);
    assertEquals(feed.losses(), [reason]);
  });
}

Deno.test("after a connection was broken by bytes that are no frame, history fills the gap", async () => {
  await using fake = startFakeAlpaca();
  await using relay = startRelay(fake.port);
  const variables = { ALPACA_STREAM_URL: `ws://127.0.0.1:${relay.port}` };
  await using feed = await connect(fake, { variables });
  (await fake.connection()).bars(bar(0));
  await feed.read((bars) => bars.length === 1);
  for (let minute = 0; minute < 20; minute++) fake.history.push(bar(minute));
  await relay.inject(new Uint8Array(64).fill(0xff));
  const second = await fake.connection();
  second.bars(bar(20));
  const bars = await feed.read((bars) => minutes(bars).includes(19) && minutes(bars).includes(20));
  assertEquals(minutes(bars), Array.from({ length: 21 }, (_, minute) => minute));
  assertEquals(feed.losses().length, 1);
});

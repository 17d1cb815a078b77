import { createMassiveFeed } from "../../src/providers/massive/feed.ts";
import { KEY, startFakeMassive, toAggregate } from "../support/fake_massive.ts";
import { HALF_FRAME, type LiveFake, testLive } from "./live_conformance.ts";

const text = (given: Record<string, unknown>) => {
  const bar = { symbol: "AAPL", ts: 1_610_144_640_000, open: 2, high: 4, low: 1, close: 3, volume: 5 };
  return JSON.stringify([{ ...toAggregate(bar), ...given }]);
};

function makeFeed(fake: { port: number }, symbols: readonly string[], port = fake.port, key = KEY) {
  return createMassiveFeed({
    symbols,
    timeframe: "1m",
    channel: "AM",
    key,
    socketUrl: `ws://127.0.0.1:${port}/stocks`,
    restUrl: `http://127.0.0.1:${fake.port}`,
    requestsPerMinute: 60_000,
    backoffMs: 1,
  });
}

testLive({
  name: "massive",
  symbols: ["AAPL", "MSFT"],
  unknown: "GME",
  half: HALF_FRAME,
  malformed: {
    texts: [
      "{}",
      "[null]",
      '[{"ev":5}]',
      '[{"ev":"status"}]',
      '[{"ev":"status","status":"error","message":{"toString":1}}]',
      '[{"ev":"status","status":"error","message":"unheard of"}]',
      ...[{ o: "2" }, { h: null }, { v: true }, { vw: "2" }, { sym: 7 }, { sym: "AMC" }].map(text),
      ...[{ s: "2024-07-24" }, { s: 1 }, { e: 0 }].map(text),
      text({}).replace('"c":3', '"c":1e999'),
    ],
  },
  ignored: ["[]", '[{"ev":"A"},{"ev":"T"},{"ev":"new"}]', '[{"ev":"status","status":"new","message":"unheard of"}]'],
  wrongKey: { feed: (fake) => makeFeed(fake, ["AAPL"], fake.port, "wrong"), variable: "MASSIVE_API_KEY" },
  start(): LiveFake {
    const fake = startFakeMassive({ pageSize: 10 });
    return Object.assign(Object.create(fake), {
      feed: (symbols: string[], port: number) => makeFeed(fake, symbols, port),
      async connection() {
        const connection = await fake.connection();
        return { ...connection, correct: connection.bars, heartbeat: () => connection.raw("[]") };
      },
      storm: () => fake.script.mishaps.push(...[429, 500, 413, 499].map((status) => ({ status }))),
    });
  },
});

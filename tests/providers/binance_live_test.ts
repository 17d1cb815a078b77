import { createBinanceFeed } from "../../src/providers/binance/feed.ts";
import { startFakeBinance, toMessage } from "../support/fake_binance.ts";
import { HALF_FRAME, type LiveFake, testLive } from "./live_conformance.ts";

const text = (k: Record<string, unknown>) => {
  const { data } = toMessage(
    { symbol: "BTCUSDT", ts: 0, open: 2, high: 4, low: 1, close: 3, volume: 5, trades: 1 },
    true,
  );
  return JSON.stringify({ data: { ...data, k: { ...data.k as object, ...k } } });
};

testLive({
  name: "binance",
  symbols: ["BTCUSDT", "ETHUSDT"],
  unknown: "NOSUCH",
  half: HALF_FRAME,
  malformed: {
    texts: [
      "[]",
      "{}",
      '{"data":{"e":"kline"}}',
      '{"error":{"code":0,"msg":"Unknown property"},"id":77}',
      ...[{ o: 2 }, { o: "" }, { o: "0x2" }, { h: "1e999" }, { v: "-1" }, { v: null }, { q: "1000" }].map(text),
      ...[{ t: "0" }, { t: 1 }, { T: 0 }, { s: "GMEUSD" }, { s: 7 }, { i: "5m" }, { n: 1.5 }, { x: "true" }].map(text),
      text({ t: 4_102_444_800_000, T: 4_102_444_859_999 }),
    ],
  },
  ignored: ['{"data":{"e":"trade"}}', '{"result":null,"id":3}', '{"result":[],"id":4}'],
  start(): LiveFake {
    const fake = startFakeBinance({ pageSize: 10 });
    return Object.assign(Object.create(fake), {
      feed: (symbols: string[], port: number) =>
        createBinanceFeed({
          symbols,
          timeframe: "1m",
          socketUrl: `ws://127.0.0.1:${port}`,
          restUrl: fake.variables.BINANCE_REST_URL,
          provisional: false,
          backoffMs: 1,
        }),
      async connection() {
        const connection = await fake.connection();
        return { ...connection, correct: connection.bars, heartbeat: () => connection.raw('{"result":[],"id":9}') };
      },
      storm: () =>
        fake.script.mishaps.push(...[429, 500, 502].map((status) => ({ status })), undefined, { status: 418 }),
    });
  },
});

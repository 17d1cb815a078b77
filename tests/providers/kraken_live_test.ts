import { createKrakenFeed } from "../../src/providers/kraken/feed.ts";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { HALF_FRAME, type LiveFake, testLive } from "./live_conformance.ts";

const text = (given: Record<string, unknown>) => {
  const prices = { open: 2, high: 4, low: 1, close: 3, volume: 5, vwap: 2.5, trades: 1 };
  const bar = { symbol: "BTC/USD", ...prices, interval_begin: "2026-09-10T17:32:00.000000000Z", interval: 1 };
  return JSON.stringify({ channel: "ohlc", type: "update", data: [{ ...bar, ...given }] });
};

testLive({
  name: "kraken",
  symbols: ["BTC/USD", "ETH/USD"],
  unknown: "NO/SUCH",
  half: HALF_FRAME,
  malformed: {
    texts: [
      "[]",
      "{}",
      '{"channel":"ohlc","data":5}',
      '{"channel":"ohlc","data":[null]}',
      '{"method":"subscribe","success":true,"result":{"symbol":"GME/USD"}}',
      '{"method":"subscribe","success":false,"error":{"toString":1}}',
      '{"error":"Exceeded msg rate","method":"subscribe","success":false}',
      '{"error":"Malformed request"}',
      ...[{ open: "2" }, { high: null }, { high: 0 }, { volume: -1 }, { vwap: "2" }, { trades: 1.5 }].map(text),
      ...[{ symbol: 7 }, { symbol: "GME/USD" }, { interval: 5 }, { interval_begin: 1_789_061_520 }].map(text),
      ...["2026-09-10T17:32:30Z", "2026-09-31T17:32:00Z", "2100-01-01T00:00:00Z", "17:32"]
        .map((interval_begin) => text({ interval_begin })),
      text({ close: 3 }).replace('"close":3', '"close":1e999'),
    ],
  },
  ignored: [
    '{"channel":"heartbeat"}',
    '{"channel":"status","data":[]}',
    '{"channel":"new","data":5}',
    '{"method":"pong"}',
  ],
  start(): LiveFake {
    const fake = startFakeKraken(["BTC/USD", "ETH/USD"]);
    return Object.assign(Object.create(fake), {
      feed: (symbols: string[], port: number) =>
        createKrakenFeed({
          symbols,
          timeframe: "1m",
          stepMs: 60_000,
          socketUrl: `ws://127.0.0.1:${port}/v2`,
          restUrl: fake.variables.KRAKEN_REST_URL,
          provisional: false,
          closeAfterMs: 5,
          requestsPerSecond: 1000,
          backoffMs: 1,
        }),
      async connection() {
        const connection = await fake.connection();
        return { ...connection, bars: connection.update, correct: connection.update };
      },
      storm: () => fake.mishaps.push("EGeneral:Too many requests", 429, 500, "EService:Busy"),
    });
  },
});

import { createAlpacaFeed } from "../../src/providers/alpaca.ts";
import { KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { HALF_FRAME, type LiveFake, testLive } from "./live_conformance.ts";

const text = (given: Record<string, unknown>) =>
  JSON.stringify([{
    T: "b",
    S: "AAPL",
    o: 2,
    h: 4,
    l: 1,
    c: 3,
    v: 5,
    t: "2024-07-24T07:56:00Z",
    n: 1,
    vw: 2,
    ...given,
  }]);

function makeFeed(fake: { port: number }, symbols: readonly string[], port = fake.port, secret = SECRET) {
  return createAlpacaFeed({
    streamUrl: `ws://127.0.0.1:${port}/v2/iex`,
    barsUrl: `http://127.0.0.1:${fake.port}/v2/stocks/bars`,
    feed: "iex",
    key: KEY,
    secret,
    symbols,
    requestsPerMinute: 60_000,
    backoffMs: 1,
  });
}

testLive({
  name: "alpaca",
  symbols: ["AAPL", "MSFT"],
  unknown: "no/such",
  half: HALF_FRAME,
  malformed: {
    texts: [
      "{}",
      "[null]",
      '[{"T":5}]',
      '[{"T":"subscription"}]',
      '[{"T":"subscription","bars":[5]}]',
      '[{"T":"error","code":999,"msg":"unheard of"}]',
      '[{"T":"error","code":500,"msg":{"toString":1}}]',
      '[{"T":"error","code":"402"}]',
      ...[{ o: "2" }, { h: null }, { v: true }, { vw: "2" }, { n: "1" }, { S: 7 }, { S: "GME" }].map(text),
      ...[{ t: 1_721_807_760 }, { t: "2024-07-24T07:56:30Z" }, { t: "2024-02-30T07:56:00Z" }].map(text),
      text({}).replace('"c":3', '"c":1e999'),
    ],
  },
  ignored: ["[]", '[{"T":"d"},{"T":"t"},{"T":"new"}]', '[{"T":"success","msg":"unheard of"}]'],
  wrongKey: { feed: (fake) => makeFeed(fake, ["AAPL"], fake.port, `${SECRET}x`), variable: "ALPACA_SECRET_KEY" },
  start(): LiveFake {
    const fake = startFakeAlpaca({ known: ["AAPL", "MSFT"], pageSize: 10 });
    return Object.assign(Object.create(fake), {
      feed: (symbols: string[], port: number) => makeFeed(fake, symbols, port),
      async connection() {
        const connection = await fake.connection();
        return { ...connection, correct: connection.updates, heartbeat: () => connection.raw("[]") };
      },
      storm: () => fake.mishaps.push(...[429, 500, 503, 429].map((status) => ({ status }))),
    });
  },
});

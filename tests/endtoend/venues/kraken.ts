/**
 * Kraken as a venue.
 *
 * @module
 */
import { startFakeKraken } from "../../support/fake_kraken.ts";
import { startRelay } from "../../support/relay.ts";
import { krakenLine } from "../../support/lines.ts";
import { createHistory } from "../history.ts";
import { HALF_WEBSOCKET_MESSAGE, sleep, type Venue } from "../venue.ts";

/** Starts the venue. */
export function startKraken(): Venue {
  const symbols = ["BTC/USD", "ETH/USD", "DOGE/USD", "SOL/EUR"];
  const fake = startFakeKraken(symbols);
  const { port } = new URL(fake.variables.KRAKEN_REST_URL);
  const relay = startRelay(Number(port));
  const history = createHistory(fake.history);

  async function storm(mishap: number | string, lengthMs: number): Promise<void> {
    fake.mishaps.push(...Array.from({ length: 1000 }, () => mishap));
    // So that history is wanted.
    relay.cut();
    await sleep(lengthMs);
    fake.mishaps.length = 0;
  }

  return {
    provider: "kraken",
    symbols,
    variables: { ...fake.variables, KRAKEN_WS_URL: `ws://127.0.0.1:${relay.port}/v2` },
    correctionMs: [3_000, 20_000],
    tellsForming: true,
    relay,
    halfMessage: HALF_WEBSOCKET_MESSAGE,
    faults: {
      "REST throttled": (lengthMs) => storm("EGeneral:Too many requests", lengthMs),
      "REST down": (lengthMs) => storm(503, lengthMs),
    },
    line: async () => krakenLine(await fake.connection()),
    record: ({ kind, bar }) => kind === "forming" ? undefined : history.put(bar),
    malformed(marker, random) {
      const times = '"interval_begin":"2024-07-24T07:56:00.000000000Z","interval":1';
      return random.pick([
        `{"channel":"ohlc","type":"update","note":"${marker}"`,
        `{"channel":"ohlc","type":"update","note":"${marker}"}`,
        `"${marker}"`,
        `{"channel":"ohlc","data":[{"symbol":"BTC/USD","open":"1",${times},"note":"${marker}"}]}`,
        `{"channel":"ohlc","data":[{"symbol":"BTC/USD","open":1,"high":2,"low":1,"close":1,"volume":1,"interval_begin":"${marker}"}]}`,
      ]);
    },
    expect: ({ bar }) => ({
      symbol: bar.symbol,
      ts: bar.ts,
      values: [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.close, bar.trades],
      // What comes for a bar that was taken to be over is marked as a correction of it.
      statuses: ["final", "correction"],
    }),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

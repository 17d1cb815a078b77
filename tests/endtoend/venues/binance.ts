/**
 * Binance as a venue.
 *
 * @module
 */
import { startFakeBinance } from "../../support/fake_binance.ts";
import { startRelay } from "../../support/relay.ts";
import { binanceLine } from "../../support/lines.ts";
import { createHistory } from "../history.ts";
import { HALF_WEBSOCKET_MESSAGE, sleep, type Venue } from "../venue.ts";

/** Starts the venue. */
export function startBinance(): Venue {
  const symbols = ["BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLEUR"];
  const fake = startFakeBinance({ known: symbols, pageSize: 50 });
  const { script } = fake;
  const relay = startRelay(fake.port);
  const history = createHistory(fake.history);

  async function storm(status: number, lengthMs: number): Promise<void> {
    const headers: Record<string, string> = status < 500 ? { "retry-after": "7" } : {};
    script.mishaps.push(...Array.from({ length: 1000 }, () => ({ status, headers })));
    // So that history is wanted.
    relay.cut();
    await sleep(lengthMs);
    script.mishaps.length = 0;
  }

  return {
    provider: "binance",
    symbols,
    variables: { ...fake.variables, BINANCE_WS_URL: `ws://127.0.0.1:${relay.port}` },
    // A kline that is over stays as it is.
    tellsForming: true,
    relay,
    halfMessage: HALF_WEBSOCKET_MESSAGE,
    faults: {
      "REST throttled": (lengthMs) => storm(429, lengthMs),
      "REST banned": (lengthMs) => storm(418, lengthMs),
      "REST down": (lengthMs) => storm(503, lengthMs),
      "handshake refused"() {
        script.handshakes.push(503, 502);
        relay.cut();
      },
    },
    async line() {
      const connection = await fake.connection();
      return Object.assign(binanceLine(connection), {
        close() {
          connection.raw('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}');
          connection.close(1012);
        },
      });
    },
    record: ({ kind, bar }) => kind === "forming" ? undefined : history.put(bar),
    malformed(marker, random) {
      const k =
        '"t":1721807760000,"T":1721807819999,"i":"1m","o":"1","h":"2","l":"1","c":"1","v":"1","q":"1","n":1,"x":true';
      return random.pick([
        `{"data":{"e":"kline","note":"${marker}"`,
        `{"data":{"e":"kline","note":"${marker}"}}`,
        `"${marker}"`,
        `{"data":{"e":"kline","k":{"s":"${marker}",${k}}}}`,
        `{"data":{"e":"kline","k":{"s":"BTCUSDT","note":"${marker}",${k.replace('"o":"1"', '"o":1')}}}}`,
      ]);
    },
    expect({ bar }) {
      const { symbol, ts, open, high, low, close, volume, trades } = bar;
      // What the fake says was paid, by what was traded.
      const vwap = Math.min(high, Math.max(low, Number((volume * close).toFixed(8)) / volume));
      return {
        symbol,
        ts,
        values: [open, high, low, close, volume, vwap, trades],
        // A bar that comes twice is marked, whether or not it has changed.
        statuses: ["final", "correction"],
      };
    },
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

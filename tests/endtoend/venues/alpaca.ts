/**
 * Alpaca as a venue.
 *
 * @module
 */
import { startFakeAlpaca } from "../../support/fake_alpaca.ts";
import { startRelay } from "../../support/relay.ts";
import { alpacaLine } from "../../support/lines.ts";
import { createHistory } from "../history.ts";
import { HALF_WEBSOCKET_MESSAGE, sleep, type Venue } from "../venue.ts";

/** Starts the venue. */
export function startAlpaca(): Venue {
  const fake = startFakeAlpaca({ pageSize: 50 });
  const relay = startRelay(fake.port);
  const history = createHistory(fake.history);

  async function storm(status: number, lengthMs: number): Promise<void> {
    const headers: Record<string, string> = status === 429 ? { "retry-after": "7" } : {};
    fake.mishaps.push(...Array.from({ length: 1000 }, () => ({ status, headers })));
    // So that history is wanted.
    relay.cut();
    await sleep(lengthMs);
    fake.mishaps.length = 0;
  }

  return {
    provider: "alpaca",
    symbols: ["AAPL", "MSFT", "NVDA", "BRK.B", "F"],
    variables: { ...fake.variables, ALPACA_STREAM_URL: `ws://127.0.0.1:${relay.port}` },
    // Just after half past the minute.
    correctionMs: [30_000, 33_000],
    tellsForming: false,
    relay,
    halfMessage: HALF_WEBSOCKET_MESSAGE,
    faults: {
      "REST throttled": (lengthMs) => storm(429, lengthMs),
      "REST down": (lengthMs) => storm(500, lengthMs),
      "connection limit"(lengthMs) {
        const times = Math.ceil(lengthMs / 10_000);
        const refusal = { code: 406, msg: "connection limit exceeded" };
        fake.refusals.push(...Array.from({ length: times }, (_, at) => ({ ...refusal, close: at % 7 === 6 })));
        relay.cut();
      },
      "handshake refused"() {
        fake.handshakes.push(503, 429, 500);
        relay.cut();
      },
      "internal error"() {
        fake.refusals.push({ code: 500, msg: "internal error" });
        relay.cut();
      },
    },
    line: async () => alpacaLine(await fake.connection()),
    record: ({ bar }) => history.put(bar),
    malformed(marker, random) {
      return random.pick([
        `{"T":"b","S":"AAPL","note":"${marker}"`,
        `{"T":"b","S":"AAPL","note":"${marker}"}`,
        `[{"T":"b","S":"AAPL","o":"1","h":2,"l":1,"c":1,"v":1,"t":"2024-07-24T07:56:00Z","note":"${marker}"}]`,
        `[{"T":"b","S":"AAPL","o":1,"h":2,"l":1,"c":1,"v":1,"t":1721807760,"note":"${marker}"}]`,
        `[{"S":"AAPL","note":"${marker}"}]`,
        `[{"T":"b","S":"${marker}","o":1,"h":0,"l":1,"c":1,"v":1,"t":"2024-07-24T07:56:00Z"}]`,
      ]);
    },
    expect: ({ bar, isCorrected }) => ({
      symbol: bar.symbol,
      ts: bar.ts,
      values: [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.close, bar.trades],
      // History, read after the correction, has the corrected bar as its final one.
      statuses: isCorrected ? ["correction", "final"] : ["final"],
    }),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

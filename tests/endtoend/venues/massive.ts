/**
 * Massive as a venue.
 *
 * @module
 */
import type { MarketBar } from "../../support/fake_kraken.ts";
import { MAX_CONNECTIONS, startFakeMassive } from "../../support/fake_massive.ts";
import { startRelay } from "../../support/relay.ts";
import { massiveLine } from "../../support/lines.ts";
import { createHistory } from "../history.ts";
import { HALF_WEBSOCKET_MESSAGE, sleep, type Venue } from "../venue.ts";

/** Starts the venue. */
export function startMassive(): Venue {
  const symbols = ["AAPL", "MSFT", "NVDA", "BRK.B", "F"];
  const fake = startFakeMassive({ known: symbols, pageSize: 20 });
  const relay = startRelay(fake.port);
  const history = createHistory(fake.history);
  const { greeting } = fake.script;

  async function storm(status: number, lengthMs: number): Promise<void> {
    fake.script.mishaps.push(...Array.from({ length: 1000 }, () => ({ status })));
    // So that history is wanted.
    relay.cut();
    await sleep(lengthMs);
    fake.script.mishaps.length = 0;
  }

  return {
    provider: "massive",
    symbols,
    variables: { ...fake.variables, MASSIVE_STREAM_URL: `ws://127.0.0.1:${relay.port}/stocks` },
    correctionMs: [5_000, 100_000],
    tellsForming: false,
    relay,
    halfMessage: HALF_WEBSOCKET_MESSAGE,
    faults: {
      "REST throttled": (lengthMs) => storm(429, lengthMs),
      "REST down": (lengthMs) => storm(502, lengthMs),
      async "connection limit"(lengthMs) {
        fake.script.greeting = [MAX_CONNECTIONS];
        relay.cut();
        await sleep(lengthMs);
        fake.script.greeting = greeting;
      },
      async "no greeting"(lengthMs) {
        fake.script.greeting = [];
        relay.cut();
        await sleep(lengthMs / 4);
        fake.script.greeting = greeting;
      },
    },
    line: async () => massiveLine(await fake.connection()),
    record: ({ bar }) => history.put(bar),
    malformed(marker, random) {
      return random.pick([
        `[{"ev":"AM","sym":"AAPL","note":"${marker}"`,
        `{"ev":"AM","sym":"AAPL","note":"${marker}"}`,
        `[{"ev":"AM","sym":"AAPL","o":"1","h":2,"l":1,"c":1,"v":1,"s":60000,"e":120000,"note":"${marker}"}]`,
        `[{"ev":"AM","sym":"AAPL","o":1,"h":2,"l":1,"c":1,"v":1,"s":60001,"e":120001,"note":"${marker}"}]`,
        `[{"ev":"AM","sym":"${marker}","o":1,"h":2,"l":1,"c":1,"v":1,"s":60000,"e":120000}]`,
        `[{"note":"${marker}"}]`,
      ]);
    },
    expect: ({ bar }) => ({
      symbol: bar.symbol,
      ts: bar.ts,
      // The number of trades is known to history alone.
      values: [...prices(bar), bar.close],
      // A bar that comes twice is marked, whether or not it has changed.
      statuses: ["final", "correction"],
    }),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

const prices = ({ open, high, low, close, volume }: MarketBar) => [open, high, low, close, volume];

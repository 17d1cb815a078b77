import { startFakeBinance } from "../../support/fake_binance.ts";
import { say } from "../../support/lapse.ts";
import { type CoverageVenue, serveRest } from "../venue.ts";

/** Binance as the vendor. */
export function startBinance(): CoverageVenue {
  const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
  const fake = startFakeBinance({ known: symbols });
  const rest = serveRest(fake.lapses, fake.history, {
    empty: say("[]"),
    error: say('{"code":-1000,"msg":"An unknown error occurred"}'),
  });
  return {
    provider: "binance",
    symbols,
    variables: fake.variables,
    tellsForming: true,
    tellsClosed: true,
    async line() {
      const connection = await fake.connection();
      return {
        get isOpen() {
          return connection.isOpen;
        },
        send(prints) {
          for (const { kind, bar } of prints) {
            if (kind === "forming") connection.forming(bar);
            else connection.bars(bar);
          }
        },
        close: () => connection.close(1012),
      };
    },
    serve: rest.serve,
    nonsense: rest.nonsense,
    lie: rest.lie,
    get requests() {
      return rest.requests();
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

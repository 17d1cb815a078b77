import { startFakeBinance } from "../../support/fake_binance.ts";
import { say } from "../../support/lapse.ts";
import { binanceLine } from "../../support/lines.ts";
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
    line: async () => binanceLine(await fake.connection()),
    serve: rest.serve,
    nonsense: rest.nonsense,
    lie: rest.lie,
    get requests() {
      return rest.requests();
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

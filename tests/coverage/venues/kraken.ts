import { startFakeKraken } from "../../support/fake_kraken.ts";
import { alterJson, say } from "../../support/lapse.ts";
import { krakenLine } from "../../support/lines.ts";
import { type CoverageVenue, serveRest } from "../venue.ts";

/** Kraken as the vendor. */
export function startKraken(): CoverageVenue {
  const symbols = ["BTC/USD", "ETH/USD", "SOL/USD"];
  const fake = startFakeKraken(symbols);
  const rest = serveRest(fake.lapses, fake.history, {
    empty: alterJson(({ result }) => ({
      error: [],
      result: Object.fromEntries(Object.keys(result as object).map((name) => [name, name === "last" ? 0 : []])),
    })),
    error: say('{"error":["EService:Unavailable"]}'),
    "no result": say('{"error":[]}'),
  });
  return {
    provider: "kraken",
    symbols,
    variables: fake.variables,
    tellsForming: true,
    tellsClosed: false,
    async line() {
      const connection = await fake.connection();
      // Real ones come each second; less often is enough to live.
      const beating = setInterval(() => {
        if (connection.isOpen) connection.heartbeat();
        else clearInterval(beating);
      }, 25_000);
      return Object.assign(krakenLine(connection), {
        close() {
          clearInterval(beating);
          connection.close(1012);
        },
      });
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

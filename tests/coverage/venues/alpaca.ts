import { startFakeAlpaca } from "../../support/fake_alpaca.ts";
import { alterJson, say } from "../../support/lapse.ts";
import { alpacaLine } from "../../support/lines.ts";
import { type CoverageVenue, serveRest, without } from "../venue.ts";

/** Alpaca as the vendor. */
export function startAlpaca(): CoverageVenue {
  const ignored: string[] = [];
  const fake = startFakeAlpaca({ silent: ignored });
  let pages = 0;
  const rest = serveRest(fake.lapses, fake.history, {
    empty: say('{"bars":{},"next_page_token":null}'),
    "no token": without("next_page_token"),
    error: say('{"message":"internal error"}'),
    "tokens A, B, A, B": alterJson((body) => ({ ...body, next_page_token: pages++ % 2 === 0 ? "A" : "B" })),
  });
  return {
    provider: "alpaca",
    symbols: ["AAPL", "MSFT", "NVDA"],
    variables: { ...fake.variables, ALPACA_FEED: "sip" },
    tellsForming: false,
    tellsClosed: true,
    line: async () => alpacaLine(await fake.connection()),
    serve: rest.serve,
    nonsense: rest.nonsense,
    lie: rest.lie,
    ignore: (symbols) => void ignored.splice(0, ignored.length, ...symbols),
    get requests() {
      return rest.requests();
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

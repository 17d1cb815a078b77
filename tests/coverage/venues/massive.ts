import type { MarketBar } from "../../support/fake_kraken.ts";
import { startFakeMassive } from "../../support/fake_massive.ts";
import { alterJson, say } from "../../support/lapse.ts";
import { massiveLine } from "../../support/lines.ts";
import { type CoverageVenue, serveRest } from "../venue.ts";

/** Massive as the vendor. */
export function startMassive(): CoverageVenue {
  const symbols = ["AAPL", "MSFT", "NVDA"];
  const fake = startFakeMassive({ known: symbols });
  let pages = 0;
  const rest = serveRest(fake.lapses, fake.history as MarketBar[], {
    empty: say('{"status":"OK","queryCount":0,"resultsCount":0,"adjusted":false,"request_id":"1"}'),
    error: say('{"status":"ERROR","request_id":"1","error":"internal"}'),
    "another count": alterJson((body) => ({ ...body, results: (body.results as unknown[] ?? []).slice(0, 1) })),
    "pages A, B, A, B": alterJson((body, url) => ({
      ...body,
      next_url: `https://api.massive.com${url.pathname}?cursor=${pages++ % 2}`,
    })),
  });
  return {
    provider: "massive",
    symbols,
    variables: fake.variables,
    tellsForming: false,
    tellsClosed: true,
    line: async () => massiveLine(await fake.connection()),
    serve: rest.serve,
    nonsense: rest.nonsense,
    lie: rest.lie,
    get requests() {
      return rest.requests();
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

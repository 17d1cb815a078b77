import { type BarsAsked, type MarketBar as TwsBar, startFakeTws } from "../../support/fake_tws.ts";
import { sendToTws, toTws } from "../../support/lines.ts";
import type { CoverageVenue } from "../venue.ts";

/** What history may answer instead of its bars. */
const LIES: Readonly<Record<string, (ask: BarsAsked, bars: readonly TwsBar[]) => readonly TwsBar[]>> = {
  empty: () => [],
  half: (_, bars) => bars.slice(0, Math.floor(bars.length / 2)),
};

/** TWS as the vendor. */
export function startIbkr(): CoverageVenue {
  const symbols = ["AAPL", "MSFT", "NVDA"];
  const fake = startFakeTws();
  return {
    provider: "ibkr",
    symbols,
    variables: { ...fake.variables, IBKR_CLIENT_ID: "0" },
    tellsForming: true,
    tellsClosed: false,
    async line() {
      const connection = await fake.connection();
      let isOpen = true;
      connection.gone.then(() => isOpen = false);
      return {
        get isOpen() {
          return isOpen;
        },
        send(prints) {
          sendToTws(connection, prints);
        },
        close: connection.close,
      };
    },
    serve(bars, now) {
      fake.now = now;
      fake.shows = () => bars().map(toTws);
    },
    nonsense: Object.keys(LIES),
    lie: (kind) => void (fake.alter = kind === undefined ? undefined : LIES[kind]),
    get requests() {
      return fake.asked.filter(({ keepUpToDate }) => !keepUpToDate).length;
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

import { createAccount } from "../../src/providers/ibkr/account.ts";
import { createIbkrFeed } from "../../src/providers/ibkr/feed.ts";
import { type Listing, readSymbol } from "../../src/providers/ibkr/contract.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { startFakeTws } from "../support/fake_tws.ts";
import { encode } from "../support/tws_wire.ts";
import { type LiveFake, testLive } from "./live_conformance.ts";

const toTws = ({ trades, ...bar }: MarketBar) => ({ ...bar, count: trades, wap: bar.close });

testLive({
  name: "ibkr",
  symbols: ["AAPL", "MSFT"],
  unknown: "NOSUCH",
  half: encode([90, 1, 3, "half"]).subarray(0, 7),
  start(): LiveFake {
    const fake = startFakeTws({ refused: { NOSUCH: [200, "No security definition has been found for the request"] } });
    const closing: (() => Promise<void>)[] = [];
    let wanted: string[] = [];
    return Object.assign(Object.create(fake), {
      feed(symbols: string[], port: number) {
        const feed = createIbkrFeed({
          account: createAccount({ host: "127.0.0.1", port, clientId: 0 }, "1m"),
          listings: symbols.map((symbol) => readSymbol(symbol) as Listing),
          timeframe: "1m",
          provisional: false,
          timing: { closeAfterMs: 1, retryMs: 1, isResetTime: () => false },
        });
        closing.push(feed.closed!);
        wanted = symbols.filter((symbol) => symbol !== "NOSUCH");
        return feed;
      },
      async connection() {
        const connection = await fake.connection();
        await Promise.all(wanted.map(connection.subscription));
        const bars = (...bars: MarketBar[]) => bars.forEach((bar) => connection.update(toTws(bar)));
        return { bars, correct: bars, heartbeat: () => connection.send(49, 1, Math.floor(Date.now() / 1000)) };
      },
      history: { push: (...bars: MarketBar[]) => fake.history.push(...bars.map(toTws)) },
      storm: () =>
        fake.mishaps.push(
          { code: 162, text: "Historical Market Data Service error message:Historical data request pacing violation" },
          { code: 100, text: "Max rate of messages per second has been exceeded" },
        ),
      async [Symbol.asyncDispose]() {
        await Promise.all(closing.map((closed) => closed()));
        await fake[Symbol.asyncDispose]();
      },
    });
  },
});

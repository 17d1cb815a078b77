/**
 * A vendor over real sockets: a fake endpoint that streams a market, has its history, and does wrong as a plan has it.
 *
 * @module
 */
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { providers } from "../../src/providers/mod.ts";
import type { Vendor, VendorOptions } from "../model/vendor.ts";
import { createShown } from "../model/shown.ts";
import { isIn, streamOf } from "../model/streamed.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { providerSettings } from "../support/providers.ts";
import type { CoverageLine, CoverageVenue } from "./venue.ts";

/** What it is made of. */
export interface SocketVendorOptions extends VendorOptions {
  venue: CoverageVenue;
}

const toMarketBar = ({ symbol, ts, open, high, low, close, volume }: FeedBar): MarketBar => {
  return { symbol, ts, open, high, low, close, volume, trades: 1 };
};

/** Starts the vendor, who owns the venue. */
export function startSocketVendor({ time, market, misdeeds, stored, venue, touch }: SocketVendorOptions): Vendor {
  const { now } = time;
  const symbols = [...market.keys()];
  const shown = createShown({ now, market, misdeeds, stored });
  const lines = new Set<CoverageLine>();
  venue.serve(() => symbols.flatMap((symbol) => shown(symbol, -Infinity, Infinity)).map(toMarketBar), now);

  async function follow(): Promise<never> {
    while (true) {
      const line = await venue.line();
      lines.add(line);
      touch();
      if (isIn(misdeeds.outages, now())) close();
    }
  }
  follow();

  function close(): void {
    for (const line of lines) if (line.isOpen) line.close();
    lines.clear();
    touch();
  }

  const stream = streamOf(market, misdeeds, venue.tellsForming);
  function sendNext(): void {
    const { value, done } = stream.next();
    if (done) return;
    time.at(value[0].at, () => {
      const prints = value.map(({ kind, bar }) => ({ kind, bar: toMarketBar(bar) }));
      for (const line of lines) {
        if (line.isOpen) line.send(prints);
        else lines.delete(line);
      }
      touch();
      sendNext();
    });
  }
  sendNext();
  for (const { from } of misdeeds.outages) time.at(from, close);
  for (const { from, to, kind } of misdeeds.nonsense ?? []) {
    time.at(from, () => venue.lie(kind));
    time.at(to, () => venue.lie(undefined));
  }
  for (const { from, to, symbols } of misdeeds.ignored ?? []) {
    time.at(from, () => venue.ignore?.([...symbols ?? []]));
    time.at(to, () => venue.ignore?.([]));
  }

  return {
    provider(dataDir) {
      const variable = (name: string) => venue.variables[name];
      return providers[venue.provider].create(providerSettings({ symbols, dataDir, variable }));
    },
    get requests() {
      return venue.requests;
    },
    [Symbol.asyncDispose]: () => venue[Symbol.asyncDispose](),
  };
}

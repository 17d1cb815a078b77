/**
 * The days that there are, by name.
 *
 * @module
 */
import type { Random } from "./random.ts";
import type { Venue } from "./venue.ts";
import { startAlpaca } from "./venues/alpaca.ts";
import { startBinance } from "./venues/binance.ts";
import { startIbkr } from "./venues/ibkr.ts";
import { startKraken } from "./venues/kraken.ts";
import { startMassive } from "./venues/massive.ts";

/** What makes a day. */
export interface Day {
  readonly start: () => Venue;
  /** Further flags of the process. */
  readonly flags: (random: Random) => readonly string[];
}

/** A queue that even five symbols fill, and one of the ways to go on then. */
const smallQueue = (random: Random) => [
  ...["--capacity", "40", "--batch-size", "15"],
  ...["--journal", random.pick(["overflow", "durable", "off"])],
];

const day = (start: () => Venue): Day => ({ start, flags: smallQueue });

/** One of each venue. */
export const days: Readonly<Record<string, Day>> = {
  alpaca: day(startAlpaca),
  binance: day(startBinance),
  ibkr: day(startIbkr),
  kraken: day(startKraken),
  massive: day(startMassive),
};

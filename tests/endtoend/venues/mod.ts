/**
 * The venues by name.
 *
 * @module
 */
import type { Venue } from "../venue.ts";
import { startAlpaca } from "./alpaca.ts";
import { startBinance } from "./binance.ts";
import { startIbkr } from "./ibkr.ts";
import { startKraken } from "./kraken.ts";
import { startMassive } from "./massive.ts";

/** How to start each venue. */
export const venues: Readonly<Record<string, () => Venue>> = {
  alpaca: startAlpaca,
  binance: startBinance,
  ibkr: startIbkr,
  kraken: startKraken,
  massive: startMassive,
};

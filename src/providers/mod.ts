/**
 * The registry of providers. To add one, write `src/providers/NAME.ts` and add its line to {@linkcode providers}.
 *
 * @module
 */
import { createAlpaca } from "./alpaca.ts";
import { createBinance } from "./binance.ts";
import { createIbkr } from "./ibkr.ts";
import { createKraken } from "./kraken.ts";
import { createMassive } from "./massive.ts";
import { createMock } from "./mock.ts";
import { createNats } from "./nats.ts";
import type { Provider, ProviderSettings } from "./provider.ts";
import { createReplay } from "./replay.ts";

export { createFailover } from "./failover.ts";
export { createSharedConnections, type SharedConnections } from "./live/sharing.ts";

/**
 * Makes each provider, by name. A factory throws a `SettingError` where the settings do not do for it, or an
 * `AggregateError` of several.
 */
export const providers: Readonly<Record<string, (settings: ProviderSettings) => Provider>> = {
  alpaca: createAlpaca,
  binance: createBinance,
  ibkr: createIbkr,
  kraken: createKraken,
  massive: createMassive,
  mock: createMock,
  nats: createNats,
  // The name that Massive had before; its rows say massive too.
  polygon: createMassive,
  replay: createReplay,
};

/** Whether a provider of that name can have a history: files, streams and the mock are all the past they have. */
export function hasHistory(name: string): boolean {
  return Object.hasOwn(providers, name) && !["mock", "nats", "replay"].includes(name);
}

/** All names of a provider, the given one first. */
export function namesOf(name: string): string[] {
  const others = Object.keys(providers).filter((other) => providers[other] === providers[name] && other !== name);
  return [name, ...others];
}

/** The name that the rows of a provider have, which may be called by another; a name that is not known stays as it is. */
export function rowName(name: string): string {
  if (!Object.hasOwn(providers, name)) return name;
  return Object.keys(providers).find((other) => providers[other] === providers[name])!;
}

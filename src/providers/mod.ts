/**
 * The registry of providers. To add one, write `src/providers/NAME.ts` and add its line to {@linkcode providers}.
 *
 * @module
 */
import type { Calendar } from "../calendar/mod.ts";
import { alpaca } from "./alpaca.ts";
import { binance } from "./binance.ts";
import { ibkr } from "./ibkr.ts";
import { kraken } from "./kraken.ts";
import { massive } from "./massive.ts";
import { mock } from "./mock.ts";
import { nats } from "./nats.ts";
import type { ProviderDeclaration } from "./provider.ts";
import { replay } from "./replay.ts";

export { createFailover } from "./failover.ts";
export { createSharedConnections, type SharedConnections } from "./live/sharing.ts";

/** The declaration of each provider, by name. */
export const providers: Readonly<Record<string, ProviderDeclaration>> = {
  alpaca,
  binance,
  ibkr,
  kraken,
  massive,
  mock,
  nats,
  // Massive's former name; its rows have `massive`, too.
  polygon: massive,
  replay,
};

/** The declaration of a provider; `undefined` for an unknown name. */
export function declarationOf(name: string): ProviderDeclaration | undefined {
  return Object.hasOwn(providers, name) ? providers[name] : undefined;
}

/** The calendar of a provider's symbol; `undefined` if unknown, as for providers that only rows name. */
export function calendarOf(provider: string, symbol: string): Calendar | undefined {
  return declarationOf(provider)?.calendar(symbol);
}

/** Whether a provider of that name has a history. */
export function hasHistory(name: string): boolean {
  return declarationOf(name)?.history !== undefined;
}

/** All names of a provider, the given one first. */
export function namesOf(name: string): string[] {
  const others = Object.keys(providers).filter((other) => providers[other] === providers[name] && other !== name);
  return [name, ...others];
}

/** The name that the rows of a provider have, which may be called by another; an unknown name is returned unchanged. */
export function rowName(name: string): string {
  if (!Object.hasOwn(providers, name)) return name;
  return Object.keys(providers).find((other) => providers[other] === providers[name])!;
}

/**
 * Differences between the current providers and those of a new configuration. `sources.ts` applies the plan.
 *
 * @module
 */
import type { Provider } from "../providers/provider.ts";

/** Changes of providers, by name. */
export interface SourcesChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly replaced: readonly string[];
  readonly kept: readonly string[];
}

/** The steps from some providers to others. */
export interface ProvidersPlan {
  /** Providers that run on untouched. */
  readonly keep: readonly Provider[];
  /** Providers to close before any is opened: an account may allow one connection only. */
  readonly close: readonly Provider[];
  readonly open: readonly Provider[];
}

/** Plans the change of providers. */
export function planProviders(before: readonly Provider[], after: readonly Provider[]): ProvidersPlan {
  const keep = before.filter((provider) => after.some((other) => isSame(provider, other)));
  const isKept = ({ name }: Provider) => keep.some((each) => each.name === name);
  return {
    keep,
    close: before.filter((provider) => !isKept(provider)),
    open: after.filter((provider) => !isKept(provider)),
  };
}

/** Names the changes from some providers to others. */
export function compareProviders(before: readonly Provider[], after: readonly Provider[]): SourcesChange {
  const names = (providers: readonly Provider[]) => providers.map(({ name }) => name);
  const isIn = (providers: readonly Provider[]) => ({ name }: Provider) => providers.some((each) => each.name === name);
  const isKept = (provider: Provider) => before.some((each) => each === provider || isSame(each, provider));
  return {
    added: names(after.filter((provider) => !isIn(before)(provider))),
    removed: names(before.filter((provider) => !isIn(after)(provider))),
    replaced: names(after.filter((provider) => isIn(before)(provider) && !isKept(provider))),
    kept: names(after.filter(isKept)),
  };
}

/** Whether a provider is equivalent to another of its name. */
function isSame(one: Provider, other: Provider): boolean {
  return one.name === other.name && one.fingerprint !== undefined && one.fingerprint === other.fingerprint;
}

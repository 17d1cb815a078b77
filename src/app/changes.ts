/**
 * Differences between the tenants and providers of now and those of a new configuration. Nothing here changes anything:
 * `tenants.ts` and `sources.ts` apply the plans.
 *
 * @module
 */
import { isSameNeeds, needsOf } from "./needs.ts";
import type { Tenant, TenantOptions } from "./tenant.ts";
import type { Config } from "../config/load.ts";
import type { Provider } from "../providers/provider.ts";

/** Changes of providers, by name. */
export interface SourcesChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly replaced: readonly string[];
  readonly kept: readonly string[];
}

/** How to get from some providers to others. */
export interface ProvidersPlan {
  /** Go on untouched. */
  readonly keep: readonly Provider[];
  /** Are closed before any is opened: an account may allow one connection only. */
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

/** Names what has changed from some providers to others. */
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

/** Whether a provider would do the same as another of its name. */
function isSame(one: Provider, other: Provider): boolean {
  return one.name === other.name && one.fingerprint !== undefined && one.fingerprint === other.fingerprint;
}

/** Whether the settings of a tenant differ, so that it has to be reopened. */
export type IsOther = (now: Config, next: Config) => boolean;

/** A tenant of now, and its options in the new configuration. */
export interface TenantStep {
  readonly tenant: Tenant;
  readonly next: TenantOptions;
}

/** How to get from the tenants of now to those of a new configuration. */
export interface TenantsPlan {
  /** Are opened first: where one of them cannot be opened, nothing has changed. */
  readonly open: readonly TenantOptions[];
  /** Get the providers of their new options. */
  readonly keep: readonly TenantStep[];
  /** Are closed and opened again. */
  readonly reopen: readonly TenantStep[];
  readonly close: readonly Tenant[];
}

/** Plans the change of tenants; `isOther` compares the settings of one. */
export function planTenants(
  current: readonly Tenant[],
  next: readonly TenantOptions[],
  isOther: IsOther,
): TenantsPlan {
  const byName = new Map(next.map((options) => [options.config.settings.tenant, options]));
  const names = new Set(current.map(({ name }) => name));
  const steps = current.flatMap((tenant) => {
    const options = byName.get(tenant.name);
    return options === undefined ? [] : [{ tenant, next: options, action: actionFor(tenant, options, isOther) }];
  });
  return {
    open: [...byName].filter(([name]) => !names.has(name)).map(([, options]) => options),
    keep: steps.filter(({ action }) => action === "keep"),
    reopen: steps.filter(({ action }) => action === "reopen"),
    close: current.filter(({ name }) => !byName.has(name)),
  };
}

/** A tenant that is done is reopened for other providers alone, and left alone otherwise. */
function actionFor(tenant: Tenant, next: TenantOptions, isOther: IsOther): "keep" | "reopen" | "leave" {
  const providers = tenant.providers();
  if (tenant.state === "draining" || tenant.state === "ended") {
    return isAlike(providers, next.providers) ? "leave" : "reopen";
  }
  const { settings } = next.config;
  const hasSameNeeds = isSameNeeds(needsOf(settings, providers), needsOf(settings, next.providers));
  return isOther(tenant.config, next.config) || !hasSameNeeds ? "reopen" : "keep";
}

/** Whether providers would do the same as others. */
function isAlike(some: readonly Provider[], others: readonly Provider[]): boolean {
  const prints = (all: readonly Provider[]) => JSON.stringify(all.map(({ name, fingerprint }) => [name, fingerprint]));
  return prints(some) === prints(others);
}

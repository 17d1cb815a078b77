/**
 * Differences between the current tenants and those of a new configuration. `app.ts` applies the plan.
 *
 * @module
 */
import { isSameNeeds, needsOf } from "./needs.ts";
import type { Tenant, TenantOptions } from "./tenant.ts";
import type { Config } from "../config/load.ts";
import type { Provider } from "../providers/provider.ts";

/** Whether the settings of a tenant differ, so that it has to be reopened. */
export type IsOther = (now: Config, next: Config) => boolean;

/** A current tenant, and its options in the new configuration. */
export interface TenantStep {
  readonly tenant: Tenant;
  readonly next: TenantOptions;
}

/** The steps from the current tenants to those of a new configuration. */
export interface TenantsPlan {
  /** Tenants to open first: if one of them cannot be opened, nothing has changed. */
  readonly open: readonly TenantOptions[];
  /** Tenants that get the providers of their new options. */
  readonly keep: readonly TenantStep[];
  /** Tenants to close and open again. */
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

/** A tenant that has ended is reopened only for other providers. */
function actionFor(tenant: Tenant, next: TenantOptions, isOther: IsOther): "keep" | "reopen" | "leave" {
  const providers = tenant.providers();
  if (tenant.state === "draining" || tenant.state === "ended") {
    return isAlike(providers, next.providers) ? "leave" : "reopen";
  }
  const { settings } = next.config;
  const hasSameNeeds = isSameNeeds(needsOf(settings, providers), needsOf(settings, next.providers));
  return isOther(tenant.config, next.config) || !hasSameNeeds ? "reopen" : "keep";
}

/** Whether providers are equivalent to others. */
function isAlike(some: readonly Provider[], others: readonly Provider[]): boolean {
  const prints = (all: readonly Provider[]) => JSON.stringify(all.map(({ name, fingerprint }) => [name, fingerprint]));
  return prints(some) === prints(others);
}

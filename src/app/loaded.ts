/**
 * A configured run, before anything is opened.
 *
 * @module
 */
import type { TenantOptions } from "./tenant.ts";
import type { Config } from "../config/load.ts";
import type { Provider } from "../providers/provider.ts";

/** A configured tenant. */
export interface LoadedTenant {
  /** The tenant's own configuration. */
  readonly config: Config;
  readonly providers: readonly Provider[];
}

/** A configuration, with its tenants and their providers. */
export interface LoadedRun {
  readonly config: Config;
  readonly tenants: readonly LoadedTenant[];
}

/** Creates the parts of a tenant, and its missing directory. */
export type MakeTenant = (loaded: LoadedTenant) => Promise<TenantOptions>;

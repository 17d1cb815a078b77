/**
 * A run as its configuration has it, before anything is opened.
 *
 * @module
 */
import type { TenantOptions } from "./tenant.ts";
import type { Config } from "../config/load.ts";
import type { Provider } from "../providers/provider.ts";

/** A tenant as its configuration has it. */
export interface LoadedTenant {
  /** Its own. */
  readonly config: Config;
  readonly providers: readonly Provider[];
}

/** A configuration, and the tenants that it names with their providers. */
export interface LoadedRun {
  readonly config: Config;
  readonly tenants: readonly LoadedTenant[];
}

/** Makes the parts of a tenant, and its directory where that is missing. */
export type MakeTenant = (loaded: LoadedTenant) => Promise<TenantOptions>;

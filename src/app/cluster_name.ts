/**
 * Names of instances, for each other and for people who look at their rows.
 *
 * @module
 */
import { DEFAULT_TENANT } from "../storage/data_dir.ts";

/** The name of the instances that share out a tenant's symbols: tenants have symbols of their own. */
export function clusterOf({ cluster, tenant }: { readonly cluster: string; readonly tenant: string }): string {
  return tenant === DEFAULT_TENANT ? cluster : `${cluster}.${tenant}`;
}

/** Names this process: its host and number, and its instance where it has a name. */
export function writerName({ instance }: { readonly instance?: string }): string {
  return [Deno.hostname(), Deno.pid, ...instance === undefined ? [] : [instance]].join("/");
}

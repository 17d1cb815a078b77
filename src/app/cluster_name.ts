/**
 * Names of instances, for other instances and for people.
 *
 * @module
 */
import { DEFAULT_TENANT } from "../storage/data_dir.ts";

/** The name of the instances that distribute a tenant's symbols, which other tenants do not share. */
export function clusterOf({ cluster, tenant }: { readonly cluster: string; readonly tenant: string }): string {
  return tenant === DEFAULT_TENANT ? cluster : `${cluster}.${tenant}`;
}

/** Names this process: its host and number, and its instance if it has a name. */
export function writerName({ instance }: { readonly instance?: string }): string {
  return [Deno.hostname(), Deno.pid, ...instance === undefined ? [] : [instance]].join("/");
}

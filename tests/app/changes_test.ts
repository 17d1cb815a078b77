import { assertEquals } from "@std/assert";
import { planProviders } from "../../src/app/provider_changes.ts";
import { planTenants } from "../../src/app/tenant_changes.ts";
import type { Tenant, TenantOptions, TenantState } from "../../src/app/tenant.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { configOf } from "../support/tenant.ts";

const provider = (name: string, fingerprint?: string): Provider => ({
  name,
  fingerprint,
  open: () => new ReadableStream(),
});
const options = (name: string, ...providers: Provider[]): TenantOptions => ({
  config: configOf({ tenant: name }),
  providers,
  kinds: ["bar"],
  deadLetters: () => {
    throw new Error("A plan opens nothing");
  },
  listeners: [],
});
/** A tenant as far as a plan looks at it. */
const tenant = (name: string, state: TenantState, ...providers: Provider[]) =>
  ({ name, state, config: configOf({ tenant: name }), providers: () => providers }) as unknown as Tenant;

Deno.test("planProviders() keeps a provider with the same fingerprint, and closes and opens one with another or none", () => {
  const before = [provider("same", "1"), provider("other", "1"), provider("bare"), provider("gone", "1")];
  const after = [provider("same", "1"), provider("other", "2"), provider("bare"), provider("new", "1")];
  const { keep, close, open } = planProviders(before, after);
  assertEquals(keep, [before[0]]);
  assertEquals(close, before.slice(1));
  assertEquals(open, after.slice(1));
});

Deno.test("planTenants() opens, keeps, reopens and closes tenants by name, and leaves one that is done alone", () => {
  const mock = provider("mock", "1");
  const live: Provider = { ...provider("live", "1"), isLive: true };
  const current = [
    tenant("kept", "running", mock),
    tenant("changed", "running", mock),
    tenant("journaled", "running", mock),
    tenant("done", "ended", mock),
    tenant("again", "ended", mock),
    tenant("gone", "running", mock),
  ];
  const next = [
    options("kept", provider("mock", "2")),
    options("changed", mock),
    options("journaled", live),
    options("done", mock),
    options("again", provider("mock", "2")),
    options("new", mock),
  ];
  const plan = planTenants(current, next, ({ settings }) => settings.tenant === "changed");
  const names = (steps: readonly { tenant: Tenant }[]) => steps.map(({ tenant }) => tenant.name);
  assertEquals(plan.open, [next.at(-1)!]);
  assertEquals(names(plan.keep), ["kept"]);
  assertEquals(names(plan.reopen), ["changed", "journaled", "again"]);
  assertEquals(plan.close, [current.at(-1)!]);
});

import { assertEquals, assertRejects } from "@std/assert";
import type { Provider } from "../../src/providers/provider.ts";
import { numberedProvider } from "../support/numbered.ts";
import { testTenant } from "../support/tenant.ts";

Deno.test("a provider that could not save when it was replaced saves again, and is opened again with its former settings", async () => {
  const first = Promise.withResolvers<void>();
  let opened = 0;
  let saved = 0;
  let isAway = false;
  const make = (): Provider => {
    const source = numberedProvider();
    return {
      ...source,
      fingerprint: "the same",
      open(context) {
        opened++;
        first.resolve();
        return source.open(context);
      },
      close() {
        if (isAway) return Promise.reject(new Error("the store is away"));
        saved++;
        return Promise.resolve();
      },
    };
  };
  await using test = await testTenant({ isShared: true });
  const { tenant } = test;
  const run = tenant.run();
  await tenant.replace([make()]);
  await first.promise;
  isAway = true;
  await assertRejects(() => tenant.replace([]), Error, "Cannot save the position of numbered: the store is away");
  assertEquals(tenant.providers(), []);
  await assertRejects(() => tenant.replace([make()]), Error, "Cannot save the position of numbered");
  assertEquals([opened, saved], [1, 0]);
  isAway = false;
  assertEquals(await tenant.replace([make()]), { added: ["numbered"], removed: [], replaced: [], kept: [] });
  assertEquals([opened, saved], [2, 1]);

  isAway = true;
  await assertRejects(() => tenant.replace([]));
  isAway = false;
  tenant.stop();
  assertEquals((await run).failure, undefined);
  assertEquals(saved, 2);
});

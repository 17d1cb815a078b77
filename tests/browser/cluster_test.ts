import { assertEquals } from "@std/assert";
import { missingBrowser, useBrowser } from "../support/browser.ts";
import { openTestCluster } from "../support/cluster.ts";
import { missingServer } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { startSharedServer } from "../support/workspace.ts";

const { openPage } = useBrowser();
const missing = missingBrowser() ?? missingServer();
const server = missing === undefined ? await startSharedServer() : undefined;

testWhere(missing, "the page of one instance shows all, who has which shard, and who is gone", async () => {
  await using cluster = await openTestCluster(server!, { symbols: ["AAUSDT"], shards: 2 });
  const a = cluster.start("a", ["--http", "127.0.0.1:0"]);
  const address = await addressOf(a);
  const b = cluster.start("b");
  await cluster.until({ a: 1, b: 1 });
  await using tab = await openPage();
  const { page } = tab;
  await page.goto(address);
  const row = (text: string) => page.getByRole("row").filter({ hasText: text });
  await row("a (this one)").locator(".pill.good", { hasText: "active" }).waitFor();
  await row("b").locator(".pill.good", { hasText: "active" }).waitFor();
  await page.getByText("all shards are held").waitFor();
  await tab.picture("cluster");
  b.kill("SIGKILL");
  await page.locator(".pill.bad", { hasText: "lost" }).waitFor();
  await row("a (this one)").getByText("0, 1").waitFor();
  await page.getByText("all shards are held").waitFor();
  assertEquals(tab.errors, []);
});

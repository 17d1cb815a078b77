import { assertEquals } from "@std/assert";
import { missingBrowser, useBrowser } from "../support/browser.ts";
import { missingServer } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const { openPage } = useBrowser();
const missing = missingBrowser() ?? missingServer();
const server = missing === undefined ? await startSharedServer() : undefined;

testWhere(missing, "the cockpit shows all tenants, one by a click, and with its token only its own", async () => {
  await using work = await openWorkspace(server);
  const config = await work.write(
    "barline.yaml",
    `tenants:
  - { name: acme, symbols: [AAPL], httpToken: ACME_TOKEN }
  - { name: beta, symbols: [MSFT] }
`,
  );
  const running = work.startIngest(["--config", config, "--http", "127.0.0.1:0"], {
    env: { BARLINE_HTTP_TOKEN: "the-token-of-the-operator", ACME_TOKEN: "the-token-of-acme" },
  });
  const address = await addressOf(running);
  await using tab = await openPage();
  const { page } = tab;
  const enter = async (token: string) => {
    await page.goto(address);
    await page.getByRole("button", { name: "Token" }).click();
    await page.locator("#token").fill(token);
    await page.getByRole("button", { name: "Use it" }).click();
  };
  await enter("the-token-of-the-operator");
  const tenants = page.getByRole("table", { name: "Tenants" });
  await tenants.getByRole("row").filter({ hasText: "acme" }).getByText("healthy").waitFor({ timeout: 20_000 });
  await page.getByRole("row").filter({ hasText: "beta/mock" }).waitFor();
  await page.getByText("2 tenants").waitFor();
  await tab.picture("tenants");

  await tenants.getByRole("link", { name: "acme" }).click();
  await page.getByText("Tenant acme").waitFor();
  await page.getByRole("row").filter({ hasText: "mock" }).getByText("running").waitFor();
  assertEquals(await page.getByText("beta").count(), 0);
  await page.getByRole("link", { name: "Symbols" }).click();
  await page.getByRole("link", { name: "AAPL" }).waitFor();
  assertEquals(await page.getByText("MSFT").count(), 0);
  await page.getByRole("link", { name: "all tenants" }).click();
  await tenants.waitFor();

  await enter("the-token-of-acme");
  await page.getByText("Tenant acme").waitFor({ timeout: 20_000 });
  assertEquals([await tenants.count(), await page.getByText("beta").count()], [0, 0]);
  await tab.picture("tenant-own");
  // What the browser says of answers that want a token is its own.
  assertEquals(tab.errors.filter((error) => !/40[13]/.test(error)), []);
  running.kill("SIGTERM");
  await running.ended;
});

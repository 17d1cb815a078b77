import { assertEquals } from "@std/assert";
import { missingBrowser, useBrowser } from "../support/browser.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

const { openPage } = useBrowser();

testWhere(
  missingBrowser(),
  "the cockpit of serve shows what is stored instead of rates, and leads to the candles of a series",
  async () => {
    await using work = await openWorkspace();
    const file = new URL("../fixtures/bars.csv", import.meta.url).pathname;
    assertEquals((await work.ingest(["--file", file])).code, 0);
    const running = work.start(["serve", "--data-dir", work.dataDir, "--http", "127.0.0.1:0"]);
    const address = await addressOf(running);
    for (const [width, dark] of [[1280, false], [1280, true], [390, false], [390, true]] as const) {
      await using tab = await openPage({ width, dark });
      const { page } = tab;
      await page.goto(address);
      await page.getByText("Nothing is ingested").waitFor();
      await page.getByRole("table", { name: "By provider" }).getByRole("row").filter({ hasText: "replay" }).waitFor();
      const link = page.getByRole("table", { name: "Series" }).getByRole("link").first();
      await link.waitFor();
      assertEquals(await page.getByText("records/s").count(), 0);
      const [shown, wide] = await page.evaluate("[innerWidth, document.documentElement.scrollWidth]") as number[];
      assertEquals([shown, wide], [width, width]);
      await tab.picture(`serving-${width}-${dark ? "dark" : "light"}`);
      await link.click();
      await page.locator(".candles canvas").first().waitFor();
      assertEquals(tab.errors, []);
    }
    running.kill("SIGTERM");
    assertEquals((await running.ended).code, 0);
  },
);

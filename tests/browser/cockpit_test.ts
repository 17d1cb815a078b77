/// <reference lib="dom" />
import { assert, assertEquals, assertMatch } from "@std/assert";
import { missingBrowser, useBrowser } from "../support/browser.ts";
import { missingServer, startPostgres } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const { openPage } = useBrowser();
const missing = missingBrowser() ?? missingServer();
const server = missing === undefined ? await startSharedServer() : undefined;
const TOKEN = "a-token-of-the-tests";

/** A run of the mock that serves the cockpit. */
async function open(own = server) {
  const work = await openWorkspace(own);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0", "--circuit-open-ms", "1000"], {
    env: { BARLINE_HTTP_TOKEN: TOKEN },
  });
  return {
    work,
    running,
    address: await addressOf(running),
    async [Symbol.asyncDispose]() {
      running.kill("SIGTERM");
      await running.ended;
      await work[Symbol.asyncDispose]();
    },
  };
}

/** A run that tests share which leave nothing behind; opened by the first of them. */
let shared: ReturnType<typeof open> | undefined;
const openShared = () => shared ??= open();
Deno.test.afterAll(async () => await (await shared)?.[Symbol.asyncDispose]());

testWhere(
  missing,
  "bars move, the providers and the charts are there, and nothing is wrong on the console",
  async () => {
    const run = await openShared();
    await using tab = await openPage();
    const { page } = tab;
    await page.goto(run.address);
    await page.getByText("healthy", { exact: true }).waitFor();
    const received = page.locator("dl dd").first();
    const before = await received.textContent();
    await page.waitForFunction((was) => document.querySelector("dl dd")!.textContent !== was, before);
    await page.getByRole("row").filter({ hasText: "mock" }).getByText("running").waitFor();
    await page.locator("figure canvas").first().waitFor();
    await page.waitForFunction(() => document.querySelectorAll("figure canvas").length >= 3);
    await page.getByText("balances").waitFor();
    // The picture of the README, with lines in its charts.
    if (tab.isPictured) await page.waitForTimeout(45_000);
    await tab.picture("cockpit");
    assertEquals(tab.errors, []);
  },
);

testWhere(
  missing ?? (Deno.env.has("TEST_DATABASE_URL") ? "the given server cannot be stopped" : undefined),
  "the circuit turns red while the database is away and green when it is back",
  async () => {
    await using own = await startPostgres();
    await using run = await open(own);
    await using tab = await openPage();
    const { page } = tab;
    await page.goto(run.address);
    await page.locator(".pill.good", { hasText: "closed" }).waitFor();
    await own.control!.stop("immediate");
    await page.locator(".pill.bad", { hasText: "open" }).waitFor();
    await page.getByText("unhealthy").waitFor();
    await page.getByRole("button", { name: "Probe now" }).waitFor();
    await tab.picture("outage");
    await own.control!.start();
    await page.locator(".pill.good", { hasText: "closed" }).waitFor();
    await page.getByText("healthy", { exact: true }).waitFor();
    assertEquals(tab.errors, []);
  },
);

testWhere(missing, "a dead letter is seen and replayed by clicking, with the token and not without", async () => {
  await using run = await open();
  const { work } = run;
  await work.query("ALTER TABLE bar ADD CONSTRAINT no_beast CHECK (close <> 666)");
  const file = await work.write(
    "bad.csv",
    "symbol,ts,open,high,low,close,volume\nBAD,2024-01-02T14:30:00Z,1,999,0,666,5\n",
  );
  await work.ingest(["--file", file]);
  await work.query("ALTER TABLE bar DROP CONSTRAINT no_beast");
  await using tab = await openPage();
  const { page } = tab;
  page.on("dialog", (dialog) => dialog.accept());
  await page.goto(`${run.address}/#letters`);
  const row = page.getByRole("row").filter({ hasText: "23514" });
  await row.getByRole("button", { name: "Show refused by the sink" }).click();
  await page.locator("pre", { hasText: '"symbol": "BAD"' }).waitFor();
  await tab.picture("letters");
  await row.getByRole("button", { name: /^Replay/ }).click();
  await page.getByText("A token is needed").waitFor();
  assertEquals((await work.letters()).length, 1);

  await page.getByRole("button", { name: "Token" }).click();
  await page.getByRole("textbox", { name: "Token for what changes something" }).fill(TOKEN);
  await page.getByRole("button", { name: "Use it" }).click();
  await row.getByRole("button", { name: /^Replay/ }).click();
  await page.getByText("Replayed 1; 0 were refused again").waitFor();
  await page.getByText("No dead letters").waitFor();
  assertEquals(await work.letters(), []);
  assertEquals(await work.query("SELECT close FROM bars WHERE symbol = 'BAD'"), [{ close: 666 }]);
  // The refusal without a token is the one error that the browser notes by itself.
  assertEquals(tab.errors.filter((error) => !error.includes("401")), []);
});

testWhere(missing, "text from feeds stays text, whatever it looks like", async () => {
  await using run = await open();
  const hostile = "<img src=x onerror=alert(1)><script>document.title=2</script>";
  const file = await run.work.write(
    "hostile.ndjson",
    `${
      JSON.stringify({ symbol: hostile, ts: "2024-01-02T14:30:00Z", open: 1, high: 1, low: 1, close: 1, volume: 1 })
    }\n`,
  );
  assertEquals((await run.work.ingest(["--file", file])).json.deadLettered, 1);
  await run.work.query(
    `INSERT INTO series (provider, symbol, timeframe) VALUES ('replay', '<b onclick=alert(1)>AAA</b>', '1m')`,
  );
  await using tab = await openPage();
  const { page } = tab;
  await page.goto(`${run.address}/#letters`);
  await page.getByRole("button", { name: "Show symbol has characters" }).click();
  await page.locator("pre", { hasText: "<script>document.title=2</script>" }).waitFor();
  await page.goto(`${run.address}/#symbols`);
  await page.getByRole("link", { name: "<b onclick=alert(1)>AAA</b>" }).click();
  await page.getByRole("heading", { name: "<b onclick=alert(1)>AAA</b>" }).waitFor();
  await page.getByText("no bars").waitFor();
  assertEquals(await page.title(), "Barline");
  assertEquals(await page.locator("main img, main script, main b").count(), 0);
  assertEquals(tab.errors, []);
});

testWhere(missing, "scripts that are inline or come from elsewhere do not run", async () => {
  const run = await openShared();
  await using tab = await openPage();
  const { page } = tab;
  await page.goto(run.address);
  const blocked = await page.evaluate(() =>
    new Promise<string[]>((resolve) => {
      const seen: string[] = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        seen.push(`${event.effectiveDirective} ${event.blockedURI}`);
        if (seen.length === 2) resolve(seen);
      });
      const inline = document.createElement("script");
      inline.textContent = "document.title = 'owned'";
      const foreign = document.createElement("script");
      foreign.src = "http://127.0.0.1:1/evil.js";
      document.head.append(inline, foreign);
    })
  );
  assertEquals(blocked.map((line) => line.split(" ")[0]), ["script-src-elem", "script-src-elem"]);
  assertEquals(await page.title(), "Barline");
});

testWhere(missing, "a page that hears nothing says so, and goes on when it hears again", async () => {
  const run = await openShared();
  await using tab = await openPage();
  const { page } = tab;
  await page.goto(run.address);
  await page.getByText("healthy", { exact: true }).waitFor();
  assertEquals(await page.getByRole("alert").count(), 0);
  run.running.kill("SIGSTOP");
  try {
    await page.getByRole("alert").filter({ hasText: "what you see is old" }).waitFor();
    await tab.picture("stale");
  } finally {
    run.running.kill("SIGCONT");
  }
  await page.getByRole("alert").waitFor({ state: "hidden" });
});

testWhere(missing, "a provider is paused and goes on by clicking", async () => {
  const run = await openShared();
  await using tab = await openPage();
  const { page } = tab;
  await page.goto(run.address);
  await page.evaluate((token) => sessionStorage.setItem("barline-token", token), TOKEN);
  await page.getByRole("button", { name: "Pause mock" }).click();
  await page.getByRole("row").filter({ hasText: "mock" }).getByText("paused").waitFor();
  const count = async () => (await (await fetch(`${run.address}/api/overview`)).json()).ledger.received;
  const paused = await count();
  await page.getByRole("button", { name: "Resume mock" }).click();
  await page.getByRole("row").filter({ hasText: "mock" }).getByText("running").waitFor();
  await page.waitForFunction(
    (was) => Number(document.querySelector("dl dd")!.textContent!.replaceAll(",", "")) > was,
    paused,
  );
  assertEquals(tab.errors, []);
});

testWhere(missing, "each view fits a desktop, a tablet and a phone", async () => {
  const run = await openShared();
  for (const [width, dark] of [[1280, false], [1280, true], [768, false], [390, false]] as const) {
    await using tab = await openPage({ width, dark });
    const { page } = tab;
    for (const view of ["overview", "symbols", "letters", "symbols/mock/AAPL/1m"]) {
      await page.goto(`${run.address}/#${view}`);
      await page.getByRole("table").first().waitFor();
      assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), width, `${view} is too wide`);
      const heights = await page.locator(".flow li.card").evaluateAll((cards) =>
        Map.groupBy(cards.map((card) => card.getBoundingClientRect()), ({ top }) => Math.round(top)).values().map(
          (row) => new Set(row.map(({ height }) => Math.round(height))).size,
        ).toArray()
      );
      assert(heights.every((different) => different === 1), `${width}: cards of a row differ in height: ${heights}`);
      await tab.picture(`${view.replaceAll("/", "-")}-${width}-${dark ? "dark" : "light"}`);
    }
    assertEquals(tab.errors, []);
  }
});

testWhere(missing, "on a phone in the dark every view fits the screen and can be used by keyboard", async () => {
  const run = await openShared();
  const csv = ["symbol,ts,open,high,low,close,volume"];
  for (let minute = 0; minute < 50; minute++) {
    if (minute !== 20) csv.push(`SPY,2013-11-13T15:${String(minute).padStart(2, "0")}:00Z,10,12,9,11,100`);
  }
  await run.work.ingest(["--file", await run.work.write("spy.csv", csv.join("\n") + "\n")]);
  await using tab = await openPage({ width: 390, height: 844, dark: true });
  const { page } = tab;
  await page.goto(run.address);
  for (const view of ["Overview", "Symbols", "Dead letters"]) {
    await page.keyboard.press("Tab");
    await page.getByRole("link", { name: view, exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: view, exact: true, includeHidden: false }).and(page.locator("[aria-current]"))
      .waitFor();
    if (view === "Symbols") {
      await page.getByRole("searchbox").fill("spy");
      await page.getByRole("row").filter({ hasText: "AAPL" }).waitFor({ state: "detached" });
    }
    await page.getByRole("table").first().waitFor();
    assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), 390, `${view} is too wide`);
    await tab.picture(`phone-${view.toLowerCase().replace(" ", "-")}`);
  }
  await page.goto(`${run.address}/#symbols/replay/SPY/1m`);
  await page.locator(".candles canvas").first().waitFor();
  await page.getByRole("row").filter({ hasText: "2013-11-13 15:20" }).waitFor();
  assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await tab.picture("phone-candles");
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assertMatch(background, /^rgb\((\d|[1-4]\d), /);
  assert((await page.locator("h1, h2").count()) > 1);
  assertEquals(tab.errors, []);
});

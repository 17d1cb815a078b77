/**
 * A real browser for tests of pages.
 *
 * @module
 */
import { join } from "@std/path";
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
/** Everything here happens within moments, and on a busy machine within more of them. */
const TIMEOUT_MS = 20_000;

/** Why there is no browser; `undefined` where there is one. */
export function missingBrowser(): string | undefined {
  try {
    Deno.statSync(CHROMIUM);
  } catch {
    return `${CHROMIUM} is not installed (package chromium)`;
  }
}

/** A page, and what went wrong on it. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the console and of scripts. */
  readonly errors: string[];
  /** Whether pictures are taken: `BARLINE_SCREENSHOTS` names a directory. */
  readonly isPictured: boolean;
  /** Takes a picture of the whole page into that directory. */
  picture(name: string): Promise<void>;
}

/** How a page is looked at. */
export interface PageOptions {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** Starts a browser before the first test of the calling file, and ends it after the last. */
export function useBrowser(): { openPage(options?: PageOptions): Promise<OpenPage> } {
  let browser: Browser;
  if (missingBrowser() === undefined) {
    Deno.test.beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: ["--no-sandbox", "--disable-background-networking"],
      });
    });
    Deno.test.afterAll(() => browser.close());
  }
  return { openPage: (options) => openPage(browser, options) };
}

/** Opens a page that shares nothing with the others of the browser. */
async function openPage(
  browser: Browser,
  { width = 1280, height = 900, dark = false }: PageOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  const directory = Deno.env.get("BARLINE_SCREENSHOTS");
  return {
    page,
    errors,
    isPictured: directory !== undefined,
    async picture(name) {
      if (directory === undefined) return;
      await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

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
  /** Takes a picture of the whole page into `BARLINE_SCREENSHOTS`, where that is set. */
  picture(name: string): Promise<void>;
}

/** How a page is looked at. */
export interface PageOptions {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** Opens a page in a browser of its own. */
export async function openPage({ width = 1280, height = 900, dark = false }: PageOptions = {}): Promise<OpenPage> {
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-background-networking"],
  });
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
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
    async picture(name) {
      if (directory === undefined) return;
      await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

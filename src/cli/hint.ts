/**
 * Commands for people to copy, which work in any directory.
 *
 * @module
 */
import { resolve } from "@std/path";
import type { Settings } from "../config/options.ts";
import { DEFAULT_TENANT } from "../storage/data_dir.ts";

/** A command about the letters of a tenant; with the configuration file if it needs one. */
export function dlqCommand(
  words: string,
  { dataDir, tenant }: Pick<Settings, "dataDir" | "tenant">,
  configFile?: string,
): string {
  const own = tenant === DEFAULT_TENANT ? "" : ` --tenant ${tenant}`;
  const file = configFile === undefined ? "" : ` --config ${quoteWord(resolve(configFile))}`;
  return `barline dlq ${words} --data-dir ${quoteWord(resolve(dataDir))}${own}${file}`;
}

/** A text as a word of a shell. */
export function quoteWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

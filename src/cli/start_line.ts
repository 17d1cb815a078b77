/**
 * The line of the log that says where a run puts things.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { needsOf } from "../app/needs.ts";
import type { Config } from "../config/load.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { journalDirectory } from "../journal/format.ts";
import type { LoadedTenant } from "../app/loaded.ts";

/** Where a run puts things. */
export interface Places extends Record<string, string> {
  readonly target: string;
  readonly deadLetters: string;
  /** A directory, or `none`. */
  readonly journal: string;
}

/** The line that says where a run writes. */
export function describeStart({ target, deadLetters, journal }: Places): string {
  const kept = journal === "none" ? "; there is no journal" : `, the journal to ${journal}`;
  return `Writing to ${target}; dead letters go to ${deadLetters}${kept}`;
}

/** Where a run puts things. Several tenants have a directory `NAME` each. */
export function placesOf(config: Config, loaded: readonly LoadedTenant[], target: string): Places {
  const directory = resolve(
    loaded.length === 1 ? tenantDirectory(loaded[0].config.settings) : join(config.settings.dataDir, "tenants", "NAME"),
  );
  const isJournaled = loaded.some(({ config, providers }) => needsOf(config.settings, providers).isJournaled);
  return {
    target: `${target}${fromWhere(config)}`,
    deadLetters: deadLetterDirectory(directory),
    journal: isJournaled ? journalDirectory(directory) : "none",
  };
}

/** Where the server was named, unless that is plain to see. */
export function fromWhere({ sources, settings, target }: Config): string {
  const source = sources.get("database")!;
  const isPlain = source === "--database" || target === undefined || settings.sink !== "postgres";
  return isPlain ? "" : ` (from ${source})`;
}

/**
 * The line of the log about the places of a run's output.
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

/** The places of a run's output. */
export interface Places extends Record<string, string> {
  readonly target: string;
  readonly deadLetters: string;
  /** A directory, or `none`. */
  readonly journal: string;
}

/** The line about the places of a run's output. */
export function describeStart({ target, deadLetters, journal }: Places): string {
  const kept = journal === "none" ? "; there is no journal" : `, the journal to ${journal}`;
  return `Writing to ${target}; dead letters go to ${deadLetters}${kept}`;
}

/** The places of a run's output. Several tenants have a directory `NAME` each. */
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

/** The source that names the server, unless it is obvious. */
export function fromWhere({ sources, settings, target }: Config): string {
  const source = sources.get("database")!;
  const isPlain = source === "--database" || target === undefined || settings.sink !== "postgres";
  return isPlain ? "" : ` (from ${source})`;
}

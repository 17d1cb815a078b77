/** `barline dlq list`. @module */
import { resolve } from "@std/path";
import { loadConfig } from "../config/load.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { DEFAULT_MAX_REPLAYS } from "../dead_letters/letter.ts";
import { readLetters } from "../dead_letters/directory.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import type { LetterFilter } from "../dead_letters/filter.ts";
import { type Grouping, GROUPINGS, groupLetters, type LetterGroup } from "../dead_letters/group.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";

/** Counts letters: by reason, SQLSTATE and provider together, or by the field of `--by`. */
export async function list({ options, flags, configFile }: Invocation, matches: LetterFilter): Promise<number> {
  const settings = loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true }).settings;
  const by = flags.get("by");
  if (by !== undefined && !GROUPINGS.includes(by as Grouping)) {
    throw new UsageError(`Cannot group by "${by}": expected one of ${GROUPINGS.join(", ")}`);
  }
  const directory = deadLetterDirectory(tenantDirectory(settings));
  const groups = await groupLetters(
    readLetters(directory),
    matches,
    by === undefined ? ["reason", "sqlstate", "provider"] : [by as Grouping],
  );
  if (settings.json) console.log(printable(JSON.stringify(groups)));
  else if (groups.length === 0) console.log(printable(`No dead letters in ${resolve(directory)}`));
  else for (const group of groups) console.log(describe(group, by as Grouping | undefined));
  return EXIT.done;
}

function describe(group: LetterGroup, by: Grouping | undefined): string {
  const { reason, provider, sqlstate, count, last, replays } = group;
  const when = new Date(last * 1000).toISOString().slice(0, 19);
  const what = by === undefined
    ? `${String(provider).padEnd(10)}  ${sqlstate ?? "     "}  ${when}Z  ${reason}`
    : `${when}Z  ${group[by] ?? `(no ${by})`}`;
  const comesBack = replays === 0
    ? ""
    : `  (replayed up to ${replays} ×${replays >= DEFAULT_MAX_REPLAYS ? ", skipped from now on" : ""})`;
  return printable(`${String(count).padStart(9)}  ${what}${comesBack}`);
}

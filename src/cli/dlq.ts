/** `barline dlq`. @module */
import { loadConfig } from "../config/load.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import type { Settings } from "../config/options.ts";
import { holdLetters, readLetters } from "../dead_letters/directory.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { type LetterFilter, parseFilter } from "../dead_letters/filter.ts";
import { countMatching, purgeLetters } from "../dead_letters/purge.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { fix } from "./dlq_fix.ts";
import { list } from "./dlq_list.ts";
import { replay } from "./dlq_replay.ts";

/** A subcommand on the matching letters. */
export type LetterAction = (invocation: Invocation, matches: LetterFilter) => Promise<number>;

const actions: Readonly<Record<string, LetterAction>> = { list, show, fix, replay, purge };

/** Lists, shows, fixes, replays and purges dead letters. */
export async function run(invocation: Invocation): Promise<number> {
  const text = (name: string) => invocation.flags.get(name) as string | undefined;
  try {
    const matches = parseFilter({
      where: text("where"),
      olderThan: text("older-than"),
      newerThan: text("newer-than"),
    });
    return await actions[invocation.words[0]](invocation, matches);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function settingsOf({ options, configFile }: Invocation): Settings {
  return loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true }).settings;
}

async function show(invocation: Invocation, matches: LetterFilter): Promise<number> {
  const settings = settingsOf(invocation);
  const { limit = Infinity } = settings;
  let shown = 0;
  for await (const located of readLetters(deadLetterDirectory(tenantDirectory(settings)))) {
    if (shown >= limit) break;
    if (!matches(located)) continue;
    console.log(printable(JSON.stringify(located.letter)));
    shown++;
  }
  return EXIT.done;
}

async function purge(invocation: Invocation, matches: LetterFilter): Promise<number> {
  const settings = settingsOf(invocation);
  const directory = deadLetterDirectory(tenantDirectory(settings));
  using held = await holdLetters(directory);
  const count = await countMatching(directory, matches, settings.limit);
  if (count === 0) {
    console.log("No dead letters to purge");
    return EXIT.done;
  }
  if (!invocation.flags.has("yes")) {
    if (!Deno.stdin.isTerminal()) throw new UsageError(`Cannot ask whether to purge ${count} letters: give --yes`);
    if (!confirm(`Remove ${count} dead letters in ${directory} for good?`)) return EXIT.done;
  }
  // At most as many as confirmed: others may have come meanwhile.
  console.log(`Purged ${await purgeLetters(held, matches, count)} dead letters`);
  return EXIT.done;
}

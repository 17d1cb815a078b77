/** `barline dlq`. @module */
import { optionSpecs } from "../config/options.ts";
import { loadConfig } from "../config/load.ts";
import { tenantDirectory } from "../data_dir.ts";
import type { Settings } from "../config/options.ts";
import { DEFAULT_MAX_REPLAYS } from "../dead_letter_replay.ts";
import { holdLetters, readLetters } from "../dead_letters/directory.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { type LetterFilter, parseFilter } from "../dead_letters/filter.ts";
import { countMatching, purgeLetters } from "../dead_letters/purge.ts";
import { printable } from "../telemetry/log.ts";
import { type Command, EXIT, type Invocation, UsageError } from "./command.ts";
import { fix } from "./dlq_fix.ts";
import { list } from "./dlq_list.ts";
import { replay } from "./dlq_replay.ts";

/** What a subcommand does with the letters that match. */
export type LetterAction = (invocation: Invocation, matches: LetterFilter) => Promise<number>;

const actions: Readonly<Record<string, LetterAction>> = { list, show, fix, replay, purge };

/** Lists, shows, mends, replays and purges dead letters. */
export const dlq: Command = {
  summary: "List, show, fix, replay or purge dead letters",
  usage: "list|show|fix|replay|purge [options]",
  options: optionSpecs.map(({ name }) => name).filter((name) =>
    !["provider", "file", "speed", "resume", "dlqAutoReplay"].includes(name) && !name.startsWith("journal")
  ),
  flags: [
    {
      name: "where",
      value: "FIELD=TEXT",
      help:
        "only letters with that reason, sqlstate, provider, kind, cause, location or symbol; parts joined by commas",
    },
    { name: "older-than", value: "1d12h", help: "only letters written longer ago: a number and s, m, h, d or w" },
    { name: "newer-than", value: "90m", help: "only letters written within that time" },
    { name: "by", value: "FIELD", help: "list: group by reason, sqlstate, provider or age" },
    { name: "dry-run", help: "replay: say what would be replayed, and do nothing" },
    {
      name: "max-replays",
      value: "N",
      help: `replay: skip letters that were replayed and refused N times [${DEFAULT_MAX_REPLAYS}]`,
    },
    { name: "force", help: "replay: skip none" },
    { name: "yes", help: "purge: do not ask" },
  ],
  subcommands: {
    list: "count letters in groups",
    show: "print letters, one JSON object a line",
    fix: "open letters in $VISUAL or $EDITOR, and put back what is sound",
    replay: "send records through the pipeline again, and remove those that were stored",
    purge: "remove letters for good",
  },
  examples: [
    "dlq list --by provider",
    "dlq show --where reason='high is below max(open, close)' --limit 5",
    "dlq fix --where cause=invalid --newer-than 1h",
    "dlq replay --where sqlstate=23514 --dry-run",
    "dlq purge --where provider=mock --older-than 4w",
  ],
  startsProcesses: true,
  async run(invocation) {
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
  },
};

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
  // No more than were asked about: others may have come meanwhile.
  console.log(`Purged ${await purgeLetters(held, matches, count)} dead letters`);
  return EXIT.done;
}

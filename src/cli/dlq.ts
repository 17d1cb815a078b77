/** `barline dlq`. @module */
import { loadConfig } from "../config/load.ts";
import { optionSpecs } from "../config/options.ts";
import {
  deadLetterDirectory,
  holdForRemoval,
  type LocatedLetter,
  readLetters,
  removeLines,
  withLock,
} from "../dead_letters/directory.ts";
import { parseFilter } from "../dead_letters/filter.ts";
import { printable } from "../telemetry/log.ts";
import { type Command, EXIT, type Invocation, UsageError } from "./command.ts";
import { replayLetters } from "./dlq_replay.ts";

/** Lists, shows, replays and purges dead letters. */
export const dlq: Command = {
  summary: "List, show, replay or purge dead letters",
  usage: "list|show|replay|purge [options]",
  options: optionSpecs.map(({ name }) => name).filter((name) =>
    !["provider", "file", "speed", "resume"].includes(name)
  ),
  flags: [
    {
      name: "where",
      value: "FIELD=TEXT",
      help:
        "only letters with that reason, sqlstate, provider, kind, cause, location or symbol; parts joined by commas",
    },
    { name: "dry-run", help: "replay: say what would be replayed, and do nothing" },
    { name: "yes", help: "purge: do not ask" },
  ],
  subcommands: {
    list: "count letters by reason",
    show: "print letters, one JSON object a line",
    replay: "send records through the pipeline again, and remove those that were stored",
    purge: "remove letters for good",
  },
  examples: [
    "dlq list",
    "dlq show --where reason='high is below max(open, close)' --limit 5",
    "dlq replay --where sqlstate=23514 --dry-run",
    "dlq purge --where provider=mock",
  ],
  async run(invocation) {
    const actions: Record<string, Action> = { list, show, replay: replayLetters, purge };
    const where = invocation.flags.get("where");
    try {
      const matches = parseFilter(typeof where === "string" ? where : undefined);
      return await actions[invocation.words[0]](invocation, matches);
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(error.message);
      throw error;
    }
  },
};

/** What a subcommand does with the letters that match. */
type Action = (invocation: Invocation, matches: (letter: LocatedLetter) => boolean) => Promise<number>;

function settingsOf({ options, configFile }: Invocation) {
  return loadConfig({ flags: options, env: Deno.env.get, file: configFile }).settings;
}

async function list(invocation: Invocation, matches: (letter: LocatedLetter) => boolean): Promise<number> {
  const { dataDir, json } = settingsOf(invocation);
  const groups = new Map<
    string,
    { reason: string; provider: string; sqlstate?: string; count: number; last: number }
  >();
  for await (const located of readLetters(deadLetterDirectory(dataDir))) {
    if (!matches(located)) continue;
    const { ts, items, metadata: { reason, provider, sqlstate } } = located.letter;
    const name = JSON.stringify([reason, sqlstate, provider]);
    const group = groups.get(name) ?? { reason, provider, sqlstate, count: 0, last: 0 };
    groups.set(name, { ...group, count: group.count + items.length, last: Math.max(group.last, ts) });
  }
  const rows = [...groups.values()].sort((a, b) => b.count - a.count);
  if (json) console.log(JSON.stringify(rows));
  else if (rows.length === 0) console.log("No dead letters");
  else {
    for (const { reason, provider, sqlstate, count, last } of rows) {
      const when = new Date(last * 1000).toISOString().slice(0, 19);
      console.log(
        `${String(count).padStart(9)}  ${provider.padEnd(10)}  ${sqlstate ?? "     "}  ${when}Z  ${printable(reason)}`,
      );
    }
  }
  return EXIT.done;
}

async function show(invocation: Invocation, matches: (letter: LocatedLetter) => boolean): Promise<number> {
  const { dataDir, limit = Infinity } = settingsOf(invocation);
  let shown = 0;
  for await (const located of readLetters(deadLetterDirectory(dataDir))) {
    if (shown >= limit) break;
    if (!matches(located)) continue;
    console.log(printable(JSON.stringify(located.letter)));
    shown++;
  }
  return EXIT.done;
}

async function purge(invocation: Invocation, matches: (letter: LocatedLetter) => boolean): Promise<number> {
  const { dataDir, limit = Infinity } = settingsOf(invocation);
  const directory = deadLetterDirectory(dataDir);
  using _held = await holdForRemoval(directory);
  const chosen = new Map<string, Set<number>>();
  let count = 0;
  for await (const located of readLetters(directory)) {
    if (count >= limit) break;
    if (!matches(located)) continue;
    chosen.set(located.path, (chosen.get(located.path) ?? new Set()).add(located.line));
    count++;
  }
  if (count === 0) {
    console.log("No dead letters to purge");
    return EXIT.done;
  }
  if (!invocation.flags.has("yes")) {
    if (!Deno.stdin.isTerminal()) throw new UsageError(`Cannot ask whether to purge ${count} letters: give --yes`);
    if (!confirm(`Remove ${count} dead letters in ${directory} for good?`)) return EXIT.done;
  }
  await withLock(directory, async () => {
    for (const [path, lines] of chosen) await removeLines(path, lines);
  });
  console.log(`Purged ${count} dead letters`);
  return EXIT.done;
}

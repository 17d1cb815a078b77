/** `barline dlq`. @module */
import { DEFAULT_MAX_REPLAYS } from "../../dead_letters/letter.ts";
import type { Command, OptionName } from "../command.ts";

const UNUSED: readonly OptionName[] = ["provider", "file", "refuseLimit", "speed", "follow", "resume", "dlqAutoReplay"];

/** Lists, shows, fixes, replays and purges dead letters. */
export const dlq: Command = {
  summary: "List, show, fix, replay or purge dead letters",
  usage: "list|show|fix|replay|purge [options]",
  options: (all) => all.filter((name) => !UNUSED.includes(name) && !name.startsWith("journal")),
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
    { name: "dry-run", help: "replay: print the letters that would be replayed, and do nothing" },
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
    fix: "open letters in $VISUAL or $EDITOR, and put back the sound ones",
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
  load: () => import("../dlq.ts"),
};

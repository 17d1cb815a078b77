/** `barline loads undo` and `barline loads prune`. @module */
import { parseDuration } from "../dead_letters/filter.ts";
import { countPrunable, pruneLoads } from "../database/load_prune.ts";
import { type LoadDetails, readLoad } from "../database/load_read.ts";
import { undoLoad, type UndoneSeries } from "../database/load_undo.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { configOf, isConfirmed, withDatabase } from "./database.ts";
import { count, time } from "./loads_report.ts";
import { known, readId } from "./loads_words.ts";

/** Undoes a load, or previews that. */
export async function undo(invocation: Invocation): Promise<number> {
  const config = configOf(invocation);
  const { tenant, json } = config.settings;
  const id = readId(invocation);
  const isDry = invocation.flags.has("dry-run");
  return await withDatabase(config, async (client, names) => {
    const load = known(await readLoad(client, names, tenant, id), id);
    if (load.state === "undone") {
      console.log(json ? JSON.stringify({ id, state: load.state, series: [] }) : `Load ${id} is undone already`);
      return EXIT.done;
    }
    if (!isDry && !isConfirmed(invocation, questionOf(load))) return EXIT.done;
    const series: UndoneSeries[] = [];
    const removedSeries = await undoLoad(client, names, load, {
      isDry,
      onSeries(each) {
        series.push(each);
        if (!json) describeSeries(each, isDry).forEach((line) => console.log(printable(line)));
      },
    });
    const sum = (of: (each: UndoneSeries) => number) => series.reduce((total, each) => total + of(each), 0);
    const counts = {
      removed: sum(({ removed }) => removed),
      restored: sum(({ restored }) => restored),
      newer: sum(({ newer }) => newer),
    };
    if (json) {
      const state = isDry ? load.state : "undone";
      console.log(printable(JSON.stringify({ id, dryRun: isDry, state, ...counts, removedSeries, series })));
    } else {
      console.log(
        `${isDry ? "Would undo" : "Undid"} load ${id}: removed ${count(counts.removed)}, restored ${
          count(counts.restored)
        }` +
          (counts.newer === 0 ? "" : `, left ${count(counts.newer)} that were written since`),
      );
    }
    return EXIT.done;
  });
}

function questionOf({ id, state, command }: LoadDetails): string {
  const running = state === "unfinished" ? " It has not come to its end: a run that still writes it fails." : "";
  return `Undo load ${id} (${printable(command)})?${running}`;
}

function describeSeries(
  { kind, symbol, timeframe, removed, restored, ...more }: UndoneSeries,
  isDry: boolean,
): string[] {
  const done = `${isDry ? "would remove" : "removed"} ${count(removed)}, ${isDry ? "restore" : "restored"} ${
    count(restored)
  }`;
  const { newer, newerFrom, newerTo } = more;
  return [
    `${kind} ${symbol} ${timeframe}: ${done}`,
    ...newer > 0
      ? [`  left as they are, written since: ${count(newer)} from ${time(newerFrom!)} to ${time(newerTo!)}`]
      : [],
  ];
}

/** Deletes the record of loads: they can no longer be undone, and their rows stay. */
export async function prune(invocation: Invocation): Promise<number> {
  const config = configOf(invocation);
  const { tenant, json } = config.settings;
  const before = Date.now() - readAge(invocation);
  return await withDatabase(config, async (client, names) => {
    const { loads, rows } = await countPrunable(client, names, tenant, before);
    const what = `${count(loads)} loads with ${count(rows)} replaced rows`;
    if (loads > 0 && !isConfirmed(invocation, `Forget ${what}? They cannot be undone any more, and stay stored.`)) {
      return EXIT.done;
    }
    await pruneLoads(client, names, tenant, before);
    console.log(json ? JSON.stringify({ loads, rows }) : `Forgot ${what}`);
    return EXIT.done;
  });
}

function readAge({ flags }: Invocation): number {
  const text = flags.get("older-than");
  if (typeof text !== "string") {
    throw new UsageError("Cannot choose the loads to forget: give --older-than, as in --older-than 90d");
  }
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

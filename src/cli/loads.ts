/** `barline loads`. @module */
import { listLoads, readLoad } from "../database/load_read.ts";
import { openForReading } from "../database/open.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation } from "./command.ts";
import { configOf, withDatabase } from "./database.ts";
import { describeLoad, describeLoads } from "./loads_report.ts";
import { prune, undo } from "./loads_undo.ts";
import { known, readId } from "./loads_words.ts";

/** Runs a subcommand, and returns the exit code. */
type LoadAction = (invocation: Invocation) => Promise<number>;

const actions: Readonly<Record<string, LoadAction>> = { list, show, undo, prune };

/** Lists, shows, undoes and prunes loads of files. */
export async function run(invocation: Invocation): Promise<number> {
  return await actions[invocation.words[0]](invocation);
}

async function list(invocation: Invocation): Promise<number> {
  const config = configOf(invocation);
  const { tenant, limit, json } = config.settings;
  const found = await withDatabase(config, (client, names) => listLoads(client, names, tenant, limit), openForReading);
  if (json) console.log(printable(JSON.stringify(found)));
  else console.log(found.length === 0 ? "No loads" : describeLoads(found).map(printable).join("\n"));
  return EXIT.done;
}

async function show(invocation: Invocation): Promise<number> {
  const config = configOf(invocation);
  const id = readId(invocation);
  const found = await withDatabase(
    config,
    (client, names) => readLoad(client, names, config.settings.tenant, id),
    openForReading,
  );
  const load = known(found, id);
  console.log(config.settings.json ? printable(JSON.stringify(load)) : describeLoad(load).map(printable).join("\n"));
  return EXIT.done;
}

/** `barline archive`. @module */
import { getLogger } from "@logtape/logtape";
import { planArchive } from "../config/archive.ts";
import { loadConfig } from "../config/load.ts";
import { prepareDatabase } from "../database/migrate.ts";
import { openDatabase } from "../database/open.ts";
import { runArchive } from "../export/archive/archive.ts";
import { openPlace } from "../export/open_place.ts";
import { configureLog, literally, printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { requireEmbedded } from "./database.ts";
import { count } from "./loads_report.ts";

/** Archives once. */
export async function run({ options, configFile }: Invocation): Promise<number> {
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  const { archive, timescale, json, logLevel, logFormat } = config.settings;
  if (archive === undefined) {
    throw new UsageError(
      'Cannot archive: the configuration has no archive, expected "archive: { output: DIR }" in --config FILE',
    );
  }
  await configureLog({ level: logLevel, format: logFormat });
  const log = getLogger("barline");
  await requireEmbedded(config);
  await using database = await openDatabase(config);
  await prepareDatabase(database);
  const counts = await runArchive({
    database,
    plan: planArchive(archive, timescale),
    openPlace: (address) => openPlace(address, config.variable),
    warn: (message) => log.warn(literally(printable(message))),
  });
  if (json) console.log(JSON.stringify({ ok: true, ...counts }));
  else {
    console.log(
      `Archived ${count(counts.archived)} records in ${count(counts.files)} files, dropped ${count(counts.dropped)}`,
    );
  }
  return EXIT.done;
}

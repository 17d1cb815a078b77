/** `barline migrate`. @module */
import { loadConfig } from "../config/load.ts";
import { prepareDatabase, SCHEMA_VERSION } from "../database/migrate.ts";
import { openDatabase } from "../database/open.ts";
import { prepareDataDir } from "../data_dir.ts";
import { type Command, EXIT } from "./command.ts";

/** Brings the database's schema up to date, as every start of `ingest` does. */
export const migrateCommand: Command = {
  summary: "Create or update the tables, as every ingest does at its start",
  options: ["database", "sslmode", "sslrootcert", "dataDir", "writeTimeoutMs"],
  examples: ["migrate", "migrate --database postgres://owner@db/market"],
  async run({ options, configFile }) {
    const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
    if (config.target === undefined) await prepareDataDir(config.settings.dataDir);
    await using database = await openDatabase(config);
    const applied = await prepareDatabase(database);
    console.log(
      applied.length === 0
        ? `${database.label}: up to date at version ${SCHEMA_VERSION}`
        : `${database.label}: applied ${applied.join(", ")}, now at version ${SCHEMA_VERSION}`,
    );
    return EXIT.done;
  },
};

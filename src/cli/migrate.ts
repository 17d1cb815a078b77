/** `barline migrate`. @module */
import { timescaleBeside } from "../config/archive.ts";
import { join } from "@std/path";
import { type Config, loadConfig } from "../config/load.ts";
import type { NatsSettings } from "../config/nats.ts";
import { prepareDataDir } from "../storage/data_dir.ts";
import { withClient } from "../database/database.ts";
import { planMigration, prepareDatabase, SCHEMA_VERSION } from "../database/migrate.ts";
import { DEFAULT_SCHEMA, namesIn } from "../database/names.ts";
import { openDatabase } from "../database/open.ts";
import { grantRights } from "../database/schema/rights.ts";
import { formatSteps, type Step } from "../database/step.ts";
import { applyTimescale, readPlan } from "../database/timescale/apply.ts";
import { describeError } from "../telemetry/log.ts";
import { openNats } from "../nats/connection.ts";
import { explainNatsError } from "../nats/prepared.ts";
import { expectedStream, manageStreams, prepareStream } from "../nats/stream.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";

/**
 * Brings the database's schema, TimescaleDB included, to the state that program and configuration need, as `ingest`
 * does; or the stream, if records go there.
 */
export async function run({ options, flags, configFile }: Invocation): Promise<number> {
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  if (config.settings.sink === "nats") {
    if (flags.has("plan")) throw new UsageError("Cannot plan a stream: --plan is for tables, without --sink nats");
    console.log(await migrateStream(config.settings));
    return EXIT.done;
  }
  if (flags.has("grant") && config.target === undefined) {
    throw new UsageError("The embedded database has one user: roles are for a server, give it with --database");
  }
  if (flags.has("plan")) {
    const steps = await plan(config);
    console.log(steps.length === 0 ? "-- Nothing to do" : formatSteps(steps).trimEnd());
    return EXIT.done;
  }
  if (config.target === undefined) await prepareDataDir(config.settings.dataDir);
  await using database = await openDatabase(config);
  let isWhole = true;
  const warn = (problem: Error) => {
    isWhole = false;
    console.error(describeError(problem));
  };
  const role = flags.get("grant");
  const applied = await prepareDatabase(database, {
    warn: (message) => {
      isWhole = false;
      console.error(message);
    },
  });
  const done = await applyTimescale(
    database,
    timescaleBeside(config.settings.archive, config.settings.timescale),
    warn,
  );
  console.log(
    applied.length === 0
      ? `${database.label}: up to date at version ${SCHEMA_VERSION}`
      : `${database.label}: applied ${applied.join(", ")}, now at version ${SCHEMA_VERSION}`,
  );
  for (const name of done) console.log(`TimescaleDB: ${name}`);
  if (typeof role === "string") {
    await withClient(database, (client, names) => grantRights(client, names, role));
    console.log(`${database.label}: ${role} may write records of every kind`);
  }
  return isWhole ? EXIT.done : EXIT.failed;
}

/** Creates or changes the stream, and prints the change. */
async function migrateStream(settings: NatsSettings): Promise<string> {
  await using nats = openNats(settings, "barline migrate");
  const stream = `${nats.label}, stream ${settings.natsStream}`;
  try {
    const done = await prepareStream(await manageStreams(nats), expectedStream(settings));
    if (done === "created") return `${stream}: created`;
    return `${stream}: ${done.length === 0 ? "up to date" : `changed ${done.join(", ")}`}`;
  } catch (error) {
    throw explainNatsError(nats.label, error);
  }
}

/** The statements of the plan. A missing embedded database is not created for it. */
async function plan(config: Config): Promise<Step[]> {
  const { target, settings } = config;
  if (target === undefined && !await exists(join(settings.dataDir, "postgres"))) {
    return await planMigration(undefined, namesIn(settings.schema ?? DEFAULT_SCHEMA));
  }
  await using database = await openDatabase(config);
  return await withClient(database, async (client, names) => [
    ...await planMigration(client, names),
    ...await readPlan(client, names, settings.timescale),
  ]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

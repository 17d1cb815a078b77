/** `barline copy`. @module */
import { parseDatabaseUrl } from "../config/database.ts";
import { completeTarget } from "../config/server.ts";
import type { Config } from "../config/load.ts";
import { copyLoads } from "../database/copy_loads.ts";
import { type CopiedKind, copyCoverage, copyKind, copySeries, KINDS, type Side } from "../database/copy_rows.ts";
import { withClient } from "../database/database.ts";
import { prepareDatabase } from "../database/migrate.ts";
import { openPostgres } from "../database/postgres.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { configOf, isConfirmed, withDatabase } from "./database.ts";
import { count } from "./loads_report.ts";

/** Copies everything in the embedded database into a server. */
export async function run(invocation: Invocation): Promise<number> {
  const config = configOf(invocation);
  const { json, schema, writeTimeoutMs } = config.settings;
  const target = readTarget(invocation, config);
  if (config.target !== undefined) {
    throw new UsageError("Cannot copy from a server: copy takes the embedded database, leave out --database");
  }
  await using server = openPostgres({ target, schema, statementTimeoutMs: writeTimeoutMs });
  return await withDatabase(config, async (client, names) => {
    if (!isConfirmed(invocation, `Copy all that is stored in ${config.settings.dataDir} into ${server.label}?`)) {
      return EXIT.done;
    }
    await prepareDatabase(server);
    const source: Side = { client, names };
    const { kinds, ...counts } = await withClient(server, async (client, names) => {
      const there: Side = { client, names };
      const ids = await copySeries(source, there);
      const kinds: CopiedKind[] = [];
      for (const kind of KINDS) {
        const copied = await copyKind(source, there, kind, ids);
        kinds.push(copied);
        if (!json) console.log(describe(copied));
      }
      return {
        kinds,
        series: ids.size,
        coverage: await copyCoverage(source, there, ids),
        loads: await copyLoads(source, there, ids),
      };
    });
    const isWhole = kinds.every(({ source, target }) => target >= source);
    if (json) console.log(JSON.stringify({ ok: isWhole, kinds, ...counts }));
    else {
      console.log(
        `${count(counts.series)} series, coverage of ${count(counts.coverage)}, ${count(counts.loads)} loads`,
      );
      if (!isWhole) {
        console.error("The server has fewer records than the embedded database: run the same command again");
      }
    }
    return isWhole ? EXIT.done : EXIT.failed;
  });
}

const describe = ({ kind, sent, source, target }: CopiedKind) =>
  `${kind}: ${count(source)} here, ${count(target)} there, ${count(sent)} sent`;

function readTarget({ flags }: Invocation, { settings, variable }: Config) {
  const url = flags.get("to");
  if (typeof url !== "string") {
    throw new UsageError("Cannot copy: give the server with --to postgres://USER@HOST/DATABASE");
  }
  try {
    return completeTarget(parseDatabaseUrl(url, settings), variable, () => {});
  } catch (error) {
    throw new UsageError(`Cannot copy into the server of --to: ${(error as Error).message}`);
  }
}

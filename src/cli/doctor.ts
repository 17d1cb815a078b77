/** `barline doctor`. @module */
import { loadConfig } from "../config/load.ts";
import { adviseOnDatabaseError } from "../database/faults.ts";
import { withClient } from "../database/database.ts";
import { readVersion, SCHEMA_VERSION } from "../database/migrate.ts";
import { openDatabase } from "../database/open.ts";
import { prepareDataDir } from "../data_dir.ts";
import { parseAddress } from "../http/address.ts";
import { describeError, printable } from "../telemetry/log.ts";
import { VERSION } from "../version.ts";
import { type Command, EXIT } from "./command.ts";

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Looks at everything that a run needs, and says what to do about what is missing. */
export const doctor: Command = {
  summary: "Check data directory, database, rights and schema, and say what to do",
  options: ["database", "sslmode", "sslrootcert", "dataDir", "http", "writeTimeoutMs", "json"],
  examples: ["doctor", "doctor --database postgres://user@host/market --json"],
  async run({ options, configFile }) {
    const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
    const { dataDir, http, json } = config.settings;
    const findings: Finding[] = [{
      name: "program",
      ok: true,
      detail: `barline ${VERSION}, deno ${Deno.version.deno}`,
    }];
    const look = async (name: string, check: () => Promise<string> | string) => {
      try {
        findings.push({ name, ok: true, detail: await check() });
      } catch (error) {
        const advice = adviseOnDatabaseError(error);
        findings.push({ name, ok: false, detail: `${describeError(error)}${advice === "" ? "" : `. ${advice}`}` });
      }
    };

    await look("data directory", async () => {
      await prepareDataDir(dataDir);
      return dataDir;
    });
    await look("http", () => http === "off" ? "off" : checkAddress(http));
    await look("database", async () => {
      await using database = await openDatabase(config);
      return await withClient(database, async (client) => {
        const started = performance.now();
        const { rows } = await client.query(
          "SELECT version(), current_user, has_schema_privilege(current_schema(), 'CREATE') AS may_create",
        );
        const ms = (performance.now() - started).toFixed(1);
        const { version, current_user, may_create } = rows[0];
        const schema = await readVersion(client);
        const migration = schema === SCHEMA_VERSION
          ? `schema up to date (${schema})`
          : may_create
          ? `schema at ${schema} of ${SCHEMA_VERSION}, will be migrated at start`
          : undefined;
        if (migration === undefined) {
          throw new Error(`User "${current_user}" must not create tables. Run \`barline migrate\` as a user who may`);
        }
        return `${database.label}: ${
          version.split(" on ")[0]
        }, user ${current_user}, ${migration}, answers in ${ms} ms`;
      });
    });

    const ok = findings.every((finding) => finding.ok);
    if (json) console.log(JSON.stringify({ ok, findings }));
    else {for (const { name, ok, detail } of findings) {
        console.log(`${ok ? "ok  " : "FAIL"}  ${name}: ${printable(detail)}`);
      }}
    return ok ? EXIT.done : EXIT.failed;
  },
};

/** Takes the address for a moment. */
function checkAddress(address: string): string {
  using _listener = Deno.listen(parseAddress(address));
  return `${address} is free`;
}

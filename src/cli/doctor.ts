/** `barline doctor`. @module */
import { isClustered } from "../config/cluster.ts";
import { loadConfig, tenantsOf } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { adviseOnDatabaseError } from "../database/faults.ts";
import { openForReading } from "../database/open.ts";
import { withClient } from "../database/database.ts";
import { checkExposure } from "../http/address.ts";
import { describeError, printable } from "../telemetry/log.ts";
import { VERSION } from "../version.ts";
import { EXIT, type Invocation } from "./command.ts";
import { environment } from "./environment.ts";
import { fromWhere } from "./start_line.ts";
import type { Finding } from "./doctor/finding.ts";
import { checkAddress, checkDataDir, checkOpenFiles } from "./doctor/host.ts";
import { checkNatsStream } from "./doctor/nats.ts";
import { checkClock, checkDatabase, checkTimescale, describeCommits, describeDoor } from "./doctor/database.ts";
import { checkLeases } from "./doctor/leases.ts";
import { writeBundle } from "./doctor/bundle.ts";
import { checkHistory, findProviders } from "./doctor/providers.ts";

/** Checks everything that a run needs, with remedies. */
export async function run({ options, flags, configFile }: Invocation): Promise<number> {
  const config = loadConfig({ flags: options, ...environment(), file: configFile });
  const { dataDir, http, json } = config.settings;
  for (const warning of config.warnings) console.error(printable(warning));
  const findings: Finding[] = [];
  const look = async (name: string, check: () => Promise<string> | string) => {
    try {
      findings.push({ name, ok: true, detail: await check() });
    } catch (error) {
      const advice = adviseOnDatabaseError(error);
      findings.push({ name, ok: false, detail: `${describeError(error)}${advice === "" ? "" : `. ${advice}`}` });
    }
  };

  await look("program", () => `barline ${VERSION}, deno ${Deno.version.deno}`);
  await look("data directory", () => checkDataDir(dataDir));
  await look("open files", checkOpenFiles);
  await look("http", () => {
    const exposed = checkExposure(config);
    if (exposed.length > 0) throw new ConfigError(exposed);
    return http === "off" ? "off" : checkAddress(http);
  });
  const { provider, sink } = config.settings;
  if (sink === "nats" || provider.includes("nats")) await look("nats", () => checkNatsStream(config.settings));
  if (sink === "postgres") {
    await look("database", async () => {
      await using database = await openForReading(config);
      return await withClient(database, async (client, names) => {
        const { kind, synchronousCommit } = config.settings;
        const coverage = tenantsOf(config).flatMap(findProviders).some(({ provider }) => provider?.isLive);
        const detail = [
          `${database.label}${fromWhere(config)}: ${
            database.isReadOnly
              ? await describeDoor(client, names)
              : await checkDatabase(client, names, { kinds: kind, coverage })
          }`,
          ...await describeCommits(client, synchronousCommit),
        ].join(", ");
        await look("timescaledb", () => checkTimescale(client, names, config.settings.timescale));
        // An embedded database has the clock of this host, and its door answers once a snapshot exists.
        if (!database.isReadOnly) await look("clock", () => checkClock(client));
        return detail;
      });
    });
  }
  if (isClustered(config.settings)) await look("leases", () => checkLeases(config));
  for (const tenant of tenantsOf(config)) {
    const of = config.tenants.length > 0 ? ` of ${tenant.settings.tenant}` : "";
    for (const { name, provider, problem } of findProviders(tenant)) {
      // NATS is checked above.
      if (name === "nats") continue;
      await look(`provider ${name}${of}`, () => {
        if (provider === undefined) throw new Error(problem);
        return checkHistory(provider);
      });
    }
  }

  const bundle = flags.get("bundle");
  if (bundle !== undefined) await writeBundle(String(bundle), config, findings);
  const ok = findings.every((finding) => finding.ok);
  if (json) console.log(JSON.stringify({ ok, findings }));
  else {
    for (const { name, ok, detail } of findings) {
      console.log(`${ok ? "ok  " : "FAIL"}  ${name}: ${printable(detail)}`);
    }
    if (bundle !== undefined) {
      console.log(`Wrote ${bundle}: no keys and passwords, but hosts, symbols and paths; read it first`);
    }
  }
  return ok ? EXIT.done : EXIT.failed;
}

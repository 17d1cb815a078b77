/** `barline doctor`. @module */
import { isClustered } from "../config/cluster.ts";
import { NATS_OPTIONS } from "../config/nats.ts";
import { ConfigError, type ConfigProblem, loadConfig, tenantsOf } from "../config/load.ts";
import { adviseOnDatabaseError } from "../database/faults.ts";
import { openDatabase } from "../database/open.ts";
import { withClient } from "../database/database.ts";
import { checkExposure } from "../http/address.ts";
import { describeError, printable } from "../telemetry/log.ts";
import { VERSION } from "../version.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { checkAddress, checkDataDir, checkOpenFiles } from "./doctor/host.ts";
import { checkNatsStream } from "./doctor/nats.ts";
import { checkClock, checkDatabase, checkTimescale } from "./doctor/database.ts";
import { checkLeases } from "./doctor/leases.ts";
import { checkHistory, findProviders } from "./doctor/providers.ts";

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const READY_TIMEOUT_MS = 4000;

/** Looks at everything that a run needs, and says what to do about what is missing. */
export const doctor: Command = {
  summary: "Check host, database, keys and clock, and say what to do",
  options: [
    "provider",
    "failover",
    "symbols",
    "timeframe",
    "file",
    "database",
    "sslmode",
    "sslrootcert",
    "sink",
    ...NATS_OPTIONS,
    "shards",
    "shard",
    "cluster",
    "leaseDatabase",
    "dataDir",
    "tenant",
    "http",
    "writeTimeoutMs",
    "json",
  ],
  flags: [
    { name: "ready", value: "URL", help: "ask the instance that serves there whether it is ready, and no more" },
  ],
  examples: [
    "doctor",
    "doctor --database postgres://user@host/market --json",
    "doctor --provider alpaca --symbols AAPL",
    "doctor --sink nats --nats-url nats://hub:4222",
    "doctor --ready http://127.0.0.1:9000",
  ],
  async run({ options, flags, configFile }) {
    const url = flags.get("ready");
    if (typeof url === "string") return await askReady(url);
    const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
    const { dataDir, http, json } = config.settings;
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
      const exposed: ConfigProblem[] = [];
      checkExposure(config, exposed);
      if (exposed.length > 0) throw new ConfigError(exposed);
      return http === "off" ? "off" : checkAddress(http);
    });
    const { provider, sink } = config.settings;
    if (sink === "nats" || provider.includes("nats")) await look("nats", () => checkNatsStream(config.settings));
    if (sink === "postgres") {
      await look("database", async () => {
        await using database = await openDatabase(config);
        return await withClient(database, async (client) => {
          const detail = `${database.label}: ${await checkDatabase(client)}`;
          await look("timescaledb", () => checkTimescale(client, config.settings.timescale));
          await look("clock", () => checkClock(client));
          return detail;
        });
      });
    }
    if (isClustered(config.settings)) await look("leases", () => checkLeases(config));
    for (const tenant of tenantsOf(config)) {
      const of = config.tenants.length > 0 ? ` of ${tenant.settings.tenant}` : "";
      for (const { name, provider, problem } of findProviders(tenant)) {
        // That is looked at above.
        if (name === "nats") continue;
        await look(`provider ${name}${of}`, () => {
          if (provider === undefined) throw new Error(problem);
          return checkHistory(provider);
        });
      }
    }

    const ok = findings.every((finding) => finding.ok);
    if (json) console.log(JSON.stringify({ ok, findings }));
    else {
      for (const { name, ok, detail } of findings) {
        console.log(`${ok ? "ok  " : "FAIL"}  ${name}: ${printable(detail)}`);
      }
    }
    return ok ? EXIT.done : EXIT.failed;
  },
};

/** Asks a running instance, for health checks of containers that have no other program. */
async function askReady(url: string): Promise<number> {
  if (!URL.canParse(url)) throw new UsageError(`Cannot use --ready "${url}": wanted is http://host:port`);
  let reasons: string[];
  try {
    const response = await fetch(new URL("/readyz", url), { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
    reasons = (await response.json()).reasons;
  } catch (error) {
    reasons = [`it does not answer: ${describeError(error)}`];
  }
  console.log(reasons.length === 0 ? "ready" : `not ready: ${reasons.map(printable).join("; ")}`);
  return reasons.length === 0 ? EXIT.done : EXIT.failed;
}

/** `barline cluster`. @module */
import { type ClusterOverview, describeCluster, type InstanceOverview } from "../cluster/overview.ts";
import { readMembership } from "../cluster/postgres_lease.ts";
import { readShardLags, type ShardLag } from "../cluster/shard_lags.ts";
import { keepsLeasesInNats } from "../config/cluster.ts";
import { openNats } from "../nats/connection.ts";
import { readNatsMembership } from "../cluster/nats_lease.ts";
import { type Config, loadConfig } from "../config/load.ts";
import { withClient } from "../database/database.ts";
import { openDatabase, openLeaseDatabase } from "../database/open.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";

const TIMEOUT_MS = 10_000;

/** A shard, its holder, and the lag of its newest bar. */
interface ShardStatus extends Partial<ShardLag> {
  readonly shard: number;
  /** Name of the instance; absent without a holder. */
  readonly instance?: string;
}

/** Shows the instances that distribute shards. */
export async function run({ words, options, configFile }: Invocation): Promise<number> {
  if (words.length > 1) {
    throw new UsageError(`Cannot understand "${words[1]}": barline cluster status takes options alone`);
  }
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  const { settings, target } = config;
  if (target === undefined && settings.leaseDatabase === undefined && !keepsLeasesInNats(settings)) {
    throw new UsageError(
      "Cannot show a cluster of the embedded database, which is one instance's: give --database URL",
    );
  }
  const overview = await readOverview(config);
  const shards = await readShards(config, overview);
  const ok = overview.instances.some(({ state }) => state === "active") && overview.unheld.length === 0;
  if (settings.json) console.log(JSON.stringify({ ok, ...overview, shards }));
  else console.log(describe(overview, shards));
  return ok ? EXIT.done : EXIT.failed;
}

async function readOverview(config: Config): Promise<ClusterOverview> {
  const { cluster } = config.settings;
  if (keepsLeasesInNats(config.settings)) {
    await using nats = openNats(config.settings, "barline cluster");
    return describeCluster(cluster, await readNatsMembership(nats, cluster));
  }
  await using database = openLeaseDatabase(config, "barline cluster", TIMEOUT_MS);
  return describeCluster(
    cluster,
    await withClient(database, (client, names) => readMembership(client, names, cluster)),
  );
}

/** Each shard with its holder, and its lag if records go to a database. */
async function readShards(config: Config, { shards, instances }: ClusterOverview): Promise<ShardStatus[]> {
  let lags: ReadonlyMap<number, ShardLag> = new Map();
  if (shards > 0 && config.target !== undefined) {
    await using database = await openDatabase(config);
    lags = await withClient(database, (client, names) => readShardLags(client, names, shards));
  }
  return Array.from({ length: shards }, (_, shard) => ({
    shard,
    instance: instances.find((each) => each.state !== "lost" && each.shards.includes(shard))?.instance,
    ...lags.get(shard),
  }));
}

function describe({ cluster, shards, instances, unheld }: ClusterOverview, lags: readonly ShardStatus[]): string {
  if (instances.length === 0) return `No instance of the cluster "${cluster}" is there`;
  const row = (cells: readonly string[], widths: readonly number[]) =>
    cells.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd();
  const table = (rows: readonly (readonly string[])[]) => {
    const widths = rows[0].map((_, at) => Math.max(...rows.map((cells) => cells[at].length)));
    return rows.map((cells) => row(cells, widths));
  };
  const silent = `${unheld.length === 1 ? "shard" : "shards"} ${unheld.join(", ")}`;
  return [
    `cluster ${cluster}: ${shards} shards, ${unheld.length === 0 ? "all held" : `NOBODY HOLDS ${silent}`}`,
    "",
    ...table([
      ["INSTANCE", "STATE", "SHARDS", "HEARD OF", "WAITING", "LAST COMMIT", "LAG", "HOST", "PID", "VERSION"],
      ...instances.map(describeInstance),
    ]),
    "",
    ...table([
      ["SHARD", "INSTANCE", "SERIES", "NEWEST BAR", "BEHIND"],
      ...lags.map(({ shard, instance, series, newest, lagSeconds }) => [
        String(shard),
        instance === undefined ? "nobody" : printable(instance),
        String(series ?? 0),
        newest === undefined ? "-" : new Date(newest * 1000).toISOString(),
        lagSeconds === undefined ? "-" : duration(lagSeconds),
      ]),
    ]),
  ].join("\n");
}

function describeInstance(each: InstanceOverview): string[] {
  return [
    printable(each.instance),
    each.state,
    each.shards.length === 0 ? "-" : each.shards.join(","),
    `${duration(each.silentSeconds)} ago`,
    String(each.waiting),
    each.lastCommitAt === undefined ? "-" : `${duration(Date.now() / 1000 - each.lastCommitAt)} ago`,
    each.lagMs === undefined ? "-" : `${Math.round(each.lagMs)} ms`,
    printable(each.host),
    String(each.pid),
    printable(each.version),
  ];
}

/** `0.4 s`, `12 s`, `5 min`, `3 h`. */
function duration(seconds: number): string {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/**
 * Several instances as real processes on one database, in front of a live market.
 *
 * @module
 */
import { join } from "@std/path";
import type { Client } from "pg";
import { type Database, endClient } from "../../src/database/database.ts";
import { type ClusterOverview, describeCluster } from "../../src/cluster/overview.ts";
import { readNatsMembership } from "../../src/cluster/nats_lease.ts";
import { openNats } from "../../src/nats/connection.ts";
import { type NatsServer, natsSettings } from "./nats.ts";
import { readMembership } from "../../src/cluster/postgres_lease.ts";
import { type LiveMarket, openLiveMarket } from "./live_market.ts";
import { keepConnection, type TestServer } from "./postgres.ts";
import { type Running, startBarline } from "./process.ts";
import { migratedDatabase } from "./server_tests.ts";

/** See the module's description. */
export interface TestCluster extends AsyncDisposable {
  readonly market: LiveMarket;
  readonly database: string;
  /** Starts an instance, with a data directory of its own. */
  start(name: string, args?: readonly string[]): Running;
  /** The cluster as the database knows it. */
  read(): Promise<ClusterOverview>;
  /** Waits until the instances that are there have these shards, by name. */
  until(wanted: Readonly<Record<string, readonly number[] | number>>): Promise<void>;
  /**
   * Waits until these instances and no others are there, and one of them has all shards; gives its name. Which one it is
   * depends on the machine: an instance that gets no processor for as long as a lease loses its shards.
   */
  holder(...names: readonly string[]): Promise<string>;
  /** Waits until each symbol is streamed once. */
  streamed(): Promise<void>;
  /** Waits until every bar from the first stored one up to now is in the table; tells how many there are. */
  complete(): Promise<number>;
}

/**
 * Longest time, in milliseconds, until another instance streams what one that was killed had: far more than leases of
 * {@linkcode TestClusterOptions.leaseSeconds} take on a busy machine.
 */
export const TAKE_OVER_MS = 60_000;

/** What a cluster of tests is like. */
export interface TestClusterOptions {
  symbols: readonly string[];
  shards: number;
  /** How long a silent instance keeps its shards, in seconds. @default {3} */
  leaseSeconds?: number;
  /** Instances publish there and keep their leases there; somebody else is to store what they publish. */
  nats?: NatsServer;
}

/** Reads who is in a cluster, over one connection: the tests look many times a second. */
function openReader(database: Database): { read(): ReturnType<typeof readMembership> } & AsyncDisposable {
  let kept: Client | undefined;
  async function end(): Promise<void> {
    const client = kept;
    kept = undefined;
    if (client !== undefined) await endClient(client);
  }
  return {
    async read() {
      try {
        kept ??= await database.connect();
        return await readMembership(kept, await database.names(kept), "barline");
      } catch (error) {
        await end();
        throw error;
      }
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Opens a cluster without instances. */
export async function openTestCluster(server: TestServer, options: TestClusterOptions): Promise<TestCluster> {
  const { symbols, shards, leaseSeconds = 3, nats } = options;
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  const market = openLiveMarket(symbols);
  const { url, database } = await migratedDatabase(server);
  const running = new Set<Running>();

  const way = nats && openNats(natsSettings(nats.url), "test");
  const reader = openReader(database);
  const table = keepConnection(url);
  const read: TestCluster["read"] = async () =>
    describeCluster("barline", await (way !== undefined ? readNatsMembership(way, "barline") : reader.read()));
  const turn = () => new Promise((resolve) => setTimeout(resolve, 50));
  // Between a restart's halves there is no server.
  const alive = async () => {
    const { instances } = await read().catch(() => ({ instances: [] as ClusterOverview["instances"] }));
    return instances.filter(({ state }) => state !== "lost");
  };
  return {
    market,
    database: url,
    start(name, args = []) {
      const given = (flag: string, value: string) => args.includes(flag) ? [] : [flag, value];
      const started = startBarline([
        ...["ingest", "--json", "--provider", "binance", "--timeframe", "1s", "--symbols", symbols.join(",")],
        ...["--shards", String(shards), "--instance", name, "--lease-seconds", String(leaseSeconds)],
        ...["--data-dir", join(directory, `${name}-${running.size}`), "--circuit-open-ms", "500"],
        ...given("--shard", "auto"),
        ...given("--http", "off"),
        ...(nats === undefined ? given("--database", url) : ["--sink", "nats", "--nats-url", nats.url]),
        ...args,
      ], { cwd: directory, env: { ...market.variables, BARLINE_HTTP_TOKEN: "a-token-of-the-tests" } });
      running.add(started);
      started.ended.finally(() => running.delete(started)).catch(() => {});
      return started;
    },
    read,
    async until(wanted) {
      while (true) {
        const there = await alive();
        const isMet = there.length === Object.keys(wanted).length && there.every(({ instance, shards }) => {
          const each = wanted[instance];
          return typeof each === "number" ? shards.length === each : each?.join() === shards.join();
        });
        if (isMet) return;
        await turn();
      }
    },
    async holder(...names) {
      while (true) {
        const there = await alive();
        const holding = there.filter((each) => each.shards.length > 0);
        const isThere = there.map(({ instance }) => instance).sort().join() === names.toSorted().join();
        if (isThere && holding.length === 1 && holding[0].shards.length === shards) return holding[0].instance;
        await turn();
      }
    },
    async streamed() {
      while (symbols.some((symbol) => market.streams(symbol) !== 1)) await turn();
    },
    async complete() {
      let until = market.bars.at(-1)!.ts;
      while (true) {
        const rows = await table.query(
          `SELECT symbol, count(*)::int AS count, extract(epoch FROM min(ts))::float8 * 1000 AS first,
            count(*) FILTER (WHERE open * 1000 <> mod(extract(epoch FROM ts) * 1000, 1e9))::int AS wrong
          FROM bars WHERE ts <= to_timestamp(${until / 1000}) GROUP BY symbol`,
        ) as { symbol: string; count: number; first: number; wrong: number }[];
        const wanted = (first: number) => (until - first) / 1000 + 1;
        const isWhole = rows.length === symbols.length && rows.every(({ count, first }) => count === wanted(first));
        const wrong = rows.find((row) => row.wrong > 0);
        if (wrong !== undefined) throw new Error(`${wrong.wrong} bars of ${wrong.symbol} are not as they were sent`);
        if (isWhole) return rows.reduce((sum, { count }) => sum + count, 0);
        // A symbol that nobody has had before begins with its first live bar.
        if (rows.length < symbols.length) until = market.bars.at(-1)!.ts;
        await turn();
      }
    },
    async [Symbol.asyncDispose]() {
      const left = [...running];
      for (const each of left) each.kill("SIGKILL");
      await Promise.allSettled(left.map(({ ended }) => ended));
      await way?.[Symbol.asyncDispose]();
      await reader[Symbol.asyncDispose]();
      await table[Symbol.asyncDispose]();
      await market[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

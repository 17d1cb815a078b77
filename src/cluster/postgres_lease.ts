/**
 * Leases in PostgreSQL: advisory locks of a session, and a table that says whose they are.
 *
 * The lock of a shard is the lease: PostgreSQL gives it to one session at a time and takes it back when the session ends.
 * A process that is killed ends its session at once. One that hangs, or whose network is gone, does not: hence
 * `idle_session_timeout`, by which the **server** ends a session that has not beaten for `ttlMs`, whatever TCP, a NAT or a
 * proxy in between believe of the connection. And hence the table: a session can end without its owner's knowledge (a
 * partition and a restart of the server, `pg_terminate_backend`), so that who takes a free lock first looks whether somebody
 * else has told of holding the shard within `holdMs`.
 *
 * @module
 */
import { deadline } from "@std/async/deadline";
import type { Client } from "pg";
import { cutClient, type Database, endClient } from "../database/database.ts";
import { isPooled } from "../database/pooler.ts";
import { ClusterError, type InstanceReport, type Lease, type LeaseKeeper, LeaseLostError } from "./lease.ts";
import type { Census, LeaseTimes } from "./lease.ts";
import { shardOf } from "../records/shard.ts";

/** Where {@linkcode keepLeasesInPostgres} keeps them. */
export interface PostgresLeaseOptions {
  /** A server, without a pooler before it; stays the caller's to dispose. */
  database: Database;
  /** Name of the instances that share the shards. */
  cluster: string;
  times: LeaseTimes;
}

/** Above the keys of shards: an instance holds, shared with others, the key of the number of shards that it knows of. */
const MEMBER_KEYS = 1 << 20;
/** The first whose sessions can be made to end by themselves. */
const POSTGRES_WANTED = 14;

/** The first half of the key of all locks of a cluster. */
const lockClass = (cluster: string) => shardOf(`barline cluster ${cluster}`, 2 ** 31 - 1);

const LOCKS = `SELECT l.pid, l.objid::int AS key FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.classid::int = $1 AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())`;

/** All instances of a cluster with what they hold, and sessions that hold something and belong to none. */
const CENSUS =
  `SELECT i.id, i.report, i.held AS claimed, l.pid IS NOT NULL AS alive, coalesce(l.locked, '{}') AS locked,
  (extract(epoch FROM clock_timestamp() - i.seen_at) * 1000)::float8 AS silent
FROM (
  SELECT c.id, c.report, c.held, c.seen_at, c.joined_at, c.backend FROM cluster_instance c WHERE c.cluster = $2
) i
FULL JOIN (
  SELECT lock.pid, array_agg(lock.key ORDER BY lock.key) FILTER (WHERE lock.key < ${MEMBER_KEYS}) AS locked
  FROM (${LOCKS}) lock GROUP BY lock.pid
) l ON l.pid = i.backend
ORDER BY i.joined_at, i.id`;

/** Reads the census; shards of sessions that belong to nobody are in it as those of a member without a report. */
export async function readCensus(client: Client, cluster: string): Promise<Census> {
  const { rows } = await client.query(CENSUS, [lockClass(cluster), cluster]);
  return toCensus(rows);
}

interface CensusRow {
  id: string | null;
  report: InstanceReport;
  claimed: number[];
  alive: boolean;
  locked: number[];
  silent: number;
}

function toCensus(rows: readonly CensusRow[]): Census {
  const blocked = new Set<number>();
  const members = rows.flatMap(({ id, report, claimed, alive, locked, silent }) => {
    if (id === null) {
      for (const shard of locked) blocked.add(shard);
      return [];
    }
    if (silent < report.holdMs) { for (const shard of claimed) if (!locked.includes(shard)) blocked.add(shard); }
    return [{ id, report, held: locked, silentMs: silent, isAlive: alive }];
  });
  return { members, blocked };
}

/**
 * Whether a session of the server can hold leases.
 *
 * @throws {ClusterError} If not, or somebody stands before the server.
 */
export async function checkLeaseServer(client: Client, label: string): Promise<void> {
  if (await isPooled(client)) {
    throw new ClusterError(
      `Cannot hold shards through the connection pooler at ${label}: their locks belong to a session of the ` +
        "server, which it may give to others. Name the server itself with --lease-database",
    );
  }
  const { rows: [{ version }] } = await client.query("SELECT current_setting('server_version_num')::int AS version");
  if (version < POSTGRES_WANTED * 10_000) {
    throw new ClusterError(
      `Cannot hold shards in PostgreSQL ${
        Math.trunc(version / 10_000)
      }: wanted is ${POSTGRES_WANTED} or newer, which ` +
        "ends the session of an instance that hangs",
    );
  }
}

/** Describes the leases of a cluster; nothing is opened yet. */
export function keepLeasesInPostgres({ database, cluster, times }: PostgresLeaseOptions): LeaseKeeper {
  const key = lockClass(cluster);
  const { ttlMs, holdMs } = times;

  /** Lets a client answer within the time in which an answer is of use. */
  async function ask<T>(client: Client, fn: () => Promise<T>): Promise<T> {
    try {
      return await deadline(fn(), holdMs);
    } catch (error) {
      cutClient(client);
      if ((error as Error).name !== "TimeoutError") throw error;
      throw new Error(`${database.label} has not answered within ${holdMs} ms`, { cause: error });
    }
  }

  async function open(client: Client, id: string, report: InstanceReport): Promise<void> {
    await checkLeaseServer(client, database.label);
    await client.query(
      // A claim that a crash of the server could undo would be none.
      `SET idle_session_timeout = ${Math.round(ttlMs)}; SET statement_timeout = ${Math.round(holdMs)};
SET default_transaction_isolation = 'read committed'; SET synchronous_commit = local`,
    );
    await client.query("SELECT pg_advisory_lock_shared($1, $2)", [key, MEMBER_KEYS + report.shards]);
    const others = await client.query(
      `SELECT DISTINCT lock.key - ${MEMBER_KEYS} AS shards FROM (${LOCKS}) lock
      WHERE lock.key > ${MEMBER_KEYS} AND lock.key <> $2`,
      [key, MEMBER_KEYS + report.shards],
    );
    if (others.rows.length > 0) {
      throw new ClusterError(
        `Cannot join the cluster "${cluster}" with ${report.shards} shards: others of it run with ` +
          `${others.rows.map(({ shards }) => shards).join(" and ")}. Give all the same --shards, or stop those first`,
      );
    }
    await client.query(
      `INSERT INTO cluster_instance (id, cluster, backend, seen_at, report)
VALUES ($1, $2, pg_backend_pid(), clock_timestamp(), $3)
ON CONFLICT (id) DO UPDATE SET backend = excluded.backend, report = excluded.report`,
      [id, cluster, JSON.stringify(report)],
    );
    // Process numbers come again.
    await client.query(
      `UPDATE cluster_instance i SET backend = 0 WHERE i.backend = pg_backend_pid() AND i.id <> $1`,
      [id],
    );
    await client.query(
      `DELETE FROM cluster_instance i WHERE i.cluster = $1 AND i.seen_at < clock_timestamp() - interval '1 hour'
AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = i.backend)`,
      [cluster],
    );
  }

  return {
    label: database.label,
    async join(id, report) {
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(new Error(`${database.label} does not answer`)), holdMs);
      const client = await database.connect(patience.signal).finally(() => clearTimeout(timer));
      try {
        await ask(client, () => open(client, id, report));
      } catch (error) {
        cutClient(client);
        throw error;
      }
      return createLease(client, id);
    },
  };

  function createLease(client: Client, id: string): Lease {
    return {
      async beat(report, held) {
        const [, { rows }] = await ask(client, () =>
          Promise.all([
            client.query(
              "UPDATE cluster_instance i SET seen_at = clock_timestamp(), held = $2, report = $3 WHERE i.id = $1",
              [id, held, JSON.stringify(report)],
            ),
            client.query<CensusRow>(CENSUS, [key, cluster]),
          ]));
        const census = toCensus(rows);
        const me = census.members.find((member) => member.id === id);
        const missing = me?.isAlive ? held.filter((shard) => !me.held.includes(shard)) : held;
        if (me === undefined || missing.length > 0) {
          throw new LeaseLostError(
            missing.length === 0
              ? "this instance's row in cluster_instance is gone"
              : `the locks of the shards ${missing.join(", ")} are gone`,
          );
        }
        return census;
      },
      async take(shards) {
        const { rows } = await ask(client, () =>
          client.query(
            // CASE, as otherwise the lock might be taken first, and kept, of a shard that turns out to be claimed.
            `SELECT tried.shard FROM (
  SELECT s.shard, CASE WHEN EXISTS (
    SELECT FROM cluster_instance i WHERE i.cluster = $1 AND i.id <> $2 AND s.shard = ANY (i.held)
      AND i.seen_at > clock_timestamp() - (i.report->>'holdMs')::float8 * interval '1 ms'
  ) THEN false ELSE pg_try_advisory_lock($3, s.shard) END AS got FROM unnest($4::int[]) AS s (shard)
) tried WHERE tried.got`,
            [cluster, id, key, shards],
          ));
        return rows.map(({ shard }) => shard);
      },
      async give(shard) {
        await ask(client, () => client.query("SELECT pg_advisory_unlock($1, $2)", [key, shard]));
      },
      cut: () => cutClient(client),
      async [Symbol.asyncDispose]() {
        const farewell = client.query("DELETE FROM cluster_instance i WHERE i.id = $1", [id]);
        await deadline(farewell, holdMs).catch(() => cutClient(client));
        await endClient(client);
      },
    };
  }
}

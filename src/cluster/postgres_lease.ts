/**
 * Leases in PostgreSQL: rows that only roles with the right to write can claim or lock, unlike advisory locks.
 *
 * The row of a shard in `cluster_lease` names its holder, which renews it with each heartbeat. Others may claim it when
 * it was not renewed for `ttlMs`; or for `holdMs`, after which its holder no longer streams, if its session has ended,
 * too, as a killed process's does at once. Claims and renewals change the same row, so PostgreSQL orders them, and only
 * the server's clock counts. The **server** ends a session without a heartbeat for `ttlMs` (`idle_session_timeout`),
 * even if TCP, a NAT or a proxy still believes in the connection.
 *
 * @module
 */
import { deadline } from "@std/async/deadline";
import type { Client } from "pg";
import { onAbort, orAborted } from "../abort.ts";
import { cutClient, type Database, endClient } from "../database/database.ts";
import type { Names } from "../database/names.ts";
import { isPooled } from "../database/pooler.ts";
import { checkServerVersion } from "../database/server_version.ts";
import { ClusterError, HOLD_SHARE, type InstanceReport, type Lease, LeaseLostError, type LeaseStore } from "./lease.ts";
import type { LeaseTimes, Membership } from "./lease.ts";

/** Options of {@linkcode createPostgresLeaseStore}. */
export interface PostgresLeaseOptions {
  /** A server, reached without a pooler. The caller disposes of it. */
  database: Database;
  /** Name of the cluster. */
  cluster: string;
  times: LeaseTimes;
}

/** Whether the session of a row still exists: a later process may have the same number. */
const hasSession = (backend: string, seenAt: string) =>
  `EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = ${backend} AND a.datname = current_database()
    AND coalesce(a.backend_start <= ${seenAt}, true))`;

/** Time since the last heartbeat of an instance, in milliseconds. */
const SILENT = "(extract(epoch FROM clock_timestamp() - i.seen_at) * 1000)::float8";
const INSTANCE_HAS_SESSION = hasSession("i.backend", "i.seen_at");
const LEASE_HAS_SESSION = hasSession("l.backend", "l.renewed_at");
const IS_ALIVE = `(${INSTANCE_HAS_SESSION} AND ${SILENT} < (i.report->>'holdMs')::float8 / ${HOLD_SHARE})`;

/** All instances of a cluster, with the shards that each has announced and those that it has leases of. */
const membershipQuery = ({ of }: Names) =>
  `SELECT i.id, i.report, i.held AS claimed, ${SILENT} AS silent, ${IS_ALIVE} AS alive,
  ARRAY(SELECT l.shard FROM ${of("cluster_lease")} l WHERE l.cluster = i.cluster AND l.holder = i.id) AS leased
FROM ${of("cluster_instance")} i WHERE i.cluster = $1 ORDER BY i.joined_at, i.id`;

/** Renews the leases of an instance, in an order common to all, so that no two wait for each other. */
const renewStatement = ({ of }: Names) =>
  `WITH own AS (
  SELECT l.shard FROM ${of("cluster_lease")} l WHERE l.cluster = $1 AND l.holder = $2 AND l.shard = ANY ($3)
  ORDER BY l.shard FOR UPDATE
)
UPDATE ${of("cluster_lease")} l SET renewed_at = clock_timestamp(), backend = pg_backend_pid()
FROM own WHERE l.cluster = $1 AND l.shard = own.shard`;

/**
 * Claims leases that are free, have ended, or belong to this instance. A program of an earlier version announces its
 * shards, and has no rows here.
 */
const claimStatement = ({ of }: Names) =>
  `INSERT INTO ${of("cluster_lease")} AS l (cluster, shard, holder, backend, renewed_at, hold)
SELECT $1, s.shard, $2, pg_backend_pid(), clock_timestamp(), $3::float8 * interval '1 ms'
FROM unnest($4::int[]) AS s (shard) WHERE NOT EXISTS (
  SELECT FROM ${of("cluster_instance")} i WHERE i.cluster = $1 AND i.id <> $2 AND s.shard = ANY (i.held)
    AND ${SILENT} < (i.report->>'holdMs')::float8
) ORDER BY s.shard
ON CONFLICT (cluster, shard) DO UPDATE SET holder = excluded.holder, backend = excluded.backend,
  renewed_at = excluded.renewed_at, hold = excluded.hold
WHERE l.holder = excluded.holder OR l.renewed_at < clock_timestamp() - l.hold / ${HOLD_SHARE}
  OR l.renewed_at < clock_timestamp() - l.hold AND NOT ${LEASE_HAS_SESSION}
RETURNING l.shard`;

/** Reads the membership of a cluster. */
export async function readMembership(client: Client, names: Names, cluster: string): Promise<Membership> {
  const { rows } = await client.query<MemberRow>(membershipQuery(names), [cluster]);
  return toMembership(rows);
}

interface MemberRow {
  id: string;
  report: InstanceReport;
  claimed: number[];
  leased: number[];
  alive: boolean;
  silent: number;
}

function toMembership(rows: readonly MemberRow[]): Membership {
  const blocked = new Set<number>();
  const members = rows.map(({ id, report, claimed, leased, alive, silent }) => {
    const held = alive ? claimed.filter((shard) => leased.includes(shard)) : [];
    if (silent < report.holdMs) { for (const shard of claimed) if (!held.includes(shard)) blocked.add(shard); }
    return { id, report, held, silentMs: silent, isAlive: alive };
  });
  return { members, blocked };
}

/**
 * Checks that a session of the server can hold leases.
 *
 * @throws {ClusterError} If it is behind a pooler.
 * @throws {FatalError} If it is too old.
 */
export async function checkLeaseServer(client: Client, label: string): Promise<void> {
  if (await isPooled(client)) {
    throw new ClusterError(
      `Cannot hold shards through the connection pooler at ${label}: their leases belong to a session of the ` +
        "server, which it may give to others. Name the server itself with --lease-database",
    );
  }
  await checkServerVersion(client);
}

/** Creates the store; it connects with the first session. */
export function createPostgresLeaseStore({ database, cluster, times }: PostgresLeaseOptions): LeaseStore {
  const { ttlMs, holdMs } = times;

  /** Waits for an answer as long as it is useful. */
  async function ask<T>(client: Client, fn: () => Promise<T>): Promise<T> {
    try {
      return await deadline(fn(), holdMs);
    } catch (error) {
      cutClient(client);
      if ((error as Error).name !== "TimeoutError") throw error;
      throw new Error(`${database.label} has not answered within ${holdMs} ms`, { cause: error });
    }
  }

  async function open(client: Client, { of }: Names, id: string, report: InstanceReport): Promise<void> {
    await checkLeaseServer(client, database.label);
    await client.query(
      // A crash of the server must not undo a claim.
      `SET idle_session_timeout = ${Math.round(ttlMs)}; SET statement_timeout = ${Math.round(holdMs)};
SET default_transaction_isolation = 'read committed'; SET synchronous_commit = local`,
    );
    await client.query(
      `INSERT INTO ${of("cluster_instance")} (id, cluster, backend, seen_at, report)
VALUES ($1, $2, pg_backend_pid(), clock_timestamp(), $3)
ON CONFLICT (id) DO UPDATE SET backend = excluded.backend, report = excluded.report`,
      [id, cluster, JSON.stringify(report)],
    );
    const others = await client.query<{ shards: number }>(
      `SELECT DISTINCT (i.report->>'shards')::int AS shards FROM ${of("cluster_instance")} i
WHERE i.cluster = $1 AND i.id <> $2 AND (i.report->>'shards')::int <> $3 AND ${IS_ALIVE}`,
      [cluster, id, report.shards],
    );
    if (others.rows.length > 0) {
      await client.query(`DELETE FROM ${of("cluster_instance")} i WHERE i.id = $1`, [id]);
      throw new ClusterError(
        `Cannot join the cluster "${cluster}" with ${report.shards} shards: others of it run with ` +
          `${others.rows.map(({ shards }) => shards).join(" and ")}. Give all the same --shards, or stop those first`,
      );
    }
    await client.query(
      `WITH spent AS (
  DELETE FROM ${of("cluster_lease")} l WHERE l.cluster = $1 AND l.renewed_at < clock_timestamp() - interval '1 hour'
)
DELETE FROM ${of("cluster_instance")} i WHERE i.cluster = $1 AND i.seen_at < clock_timestamp() - interval '1 hour'`,
      [cluster],
    );
  }

  return {
    label: database.label,
    async join(id, report, signal) {
      const waiting = new AbortController();
      const timer = setTimeout(() => waiting.abort(new Error(`${database.label} does not answer`)), holdMs);
      // The session outlives the wait: a later abort must not prevent its farewell.
      using _stop = onAbort(signal, (reason) => waiting.abort(reason));
      const client = await database.connect(waiting.signal).finally(() => clearTimeout(timer));
      try {
        const names = await orAborted(ask(client, () => database.names(client)), signal);
        await orAborted(ask(client, () => open(client, names, id, report)), signal);
        return createLease(client, names, id);
      } catch (error) {
        cutClient(client);
        throw error;
      }
    },
  };

  function createLease(client: Client, names: Names, id: string): Lease {
    const { of } = names;
    return {
      async heartbeat(report, held) {
        const [, , { rows }] = await ask(client, () =>
          Promise.all([
            client.query(renewStatement(names), [cluster, id, held]),
            client.query(
              `UPDATE ${
                of("cluster_instance")
              } i SET seen_at = clock_timestamp(), held = $2, report = $3 WHERE i.id = $1`,
              [id, held, JSON.stringify(report)],
            ),
            client.query<MemberRow>(membershipQuery(names), [cluster]),
          ]));
        const membership = toMembership(rows);
        const me = membership.members.find((member) => member.id === id);
        const missing = me?.isAlive ? held.filter((shard) => !me.held.includes(shard)) : held;
        if (me === undefined || missing.length > 0) {
          throw new LeaseLostError(
            missing.length === 0
              ? "this instance's row in cluster_instance is gone"
              : `the leases of the shards ${missing.join(", ")} are gone`,
          );
        }
        return membership;
      },
      async claim(shards) {
        const { rows } = await ask(client, () => client.query(claimStatement(names), [cluster, id, holdMs, shards]));
        return rows.map(({ shard }) => shard);
      },
      async release(shard) {
        await ask(client, () =>
          client.query(
            `DELETE FROM ${of("cluster_lease")} l WHERE l.cluster = $1 AND l.shard = $2 AND l.holder = $3`,
            [cluster, shard, id],
          ));
      },
      cut: () => cutClient(client),
      async [Symbol.asyncDispose]() {
        const farewell = client.query(
          `WITH left_behind AS (DELETE FROM ${of("cluster_lease")} l WHERE l.cluster = $2 AND l.holder = $1)
DELETE FROM ${of("cluster_instance")} i WHERE i.id = $1`,
          [id, cluster],
        );
        await deadline(farewell, holdMs).catch(() => cutClient(client));
        await endClient(client);
      },
    };
  }
}

/**
 * Connections to a PostgreSQL server.
 *
 * @module
 */
// @ts-types="@types/pg"
import { Client, type ClientConfig } from "pg";
import type { DatabaseTarget } from "../config/database.ts";
import { cutClient, type Database, withClient } from "./database.ts";

/** Options of {@linkcode openPostgres}. */
export interface PostgresOptions {
  target: DatabaseTarget;
  /** Longest wait for a connection, in milliseconds. @default {the target's, else 10000} */
  connectTimeoutMs?: number;
  /** Longest run of a statement before the server cancels it, in milliseconds; 0 is no limit. */
  statementTimeoutMs: number;
}

/** Describes a server; nothing is opened before {@linkcode Database.connect}. */
export function openPostgres(options: PostgresOptions): Database {
  const { target, connectTimeoutMs = target.connectTimeoutMs ?? 10_000, statementTimeoutMs } = options;
  const config: ClientConfig = {
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    password: target.password,
    ssl: tlsOptions(target),
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: target.applicationName ?? "barline",
  };
  const database: Database = {
    label: `${target.host}:${target.port}/${target.database}`,
    maxConnections: Infinity,
    supportsCopy: true,
    async connect(signal) {
      const client = await connectClient(config, signal);
      // Set here and not in the start-up packet, which poolers such as PgBouncer refuse to pass on.
      await client.query(`SET statement_timeout = ${Math.trunc(statementTimeoutMs)}`);
      return client;
    },
    check: (signal) => withClient(database, async (client) => void await client.query("SELECT 1"), signal),
    turn: (fn) => fn(),
    async [Symbol.asyncDispose]() {},
  };
  return database;
}

/** Connects a client whose later errors do not end the process: they come out of its queries. */
export async function connectClient(config: ClientConfig, signal?: AbortSignal): Promise<Client> {
  signal?.throwIfAborted();
  const client = new Client(config);
  client.on("error", () => {});
  const cut = () => cutClient(client);
  signal?.addEventListener("abort", cut, { once: true });
  client.once("end", () => signal?.removeEventListener("abort", cut));
  try {
    await client.connect();
  } catch (error) {
    client.end().catch(() => {});
    const message = error instanceof AggregateError ? error.errors.map(String).join("; ") : (error as Error).message;
    if (message === "timeout expired") {
      throw Object.assign(
        new Error(`Cannot connect to the database within ${config.connectionTimeoutMillis} ms`, { cause: error }),
        { code: "ETIMEDOUT" },
      );
    }
    throw error;
  }
  return client;
}

/** What the modes of `sslmode` mean, as libpq defines them: `require` encrypts and verifies nothing. */
function tlsOptions(target: DatabaseTarget): ClientConfig["ssl"] {
  if (target.sslmode === "disable") return false;
  const ca = target.sslrootcert === undefined ? undefined : Deno.readTextFileSync(target.sslrootcert);
  if (target.sslmode === "require") return { rejectUnauthorized: false };
  if (target.sslmode === "verify-ca") return { ca, checkServerIdentity: () => undefined };
  return { ca };
}

/**
 * Connects to a PostgreSQL server, or to a usable one of several.
 *
 * @module
 */
// @ts-types="@types/pg"
import { Client, type ClientConfig } from "pg";
import { abortable } from "@std/async/abortable";
import { type DatabaseHost, type DatabaseTarget, labelOf } from "../config/database.ts";
import { ANSWER_MS, cutClient, type Database, withClient } from "./database.ts";
import { classifyDatabaseError, FatalError, TransientError } from "./faults.ts";
import { createNaming } from "./naming.ts";

/** Options of {@linkcode openPostgres}. */
export interface PostgresOptions {
  target: DatabaseTarget;
  /** Schema of the tables. @default {the first of the user's search_path} */
  schema?: string;
  /** Longest wait for a connection, in milliseconds. @default {the target's, else 10000} */
  connectTimeoutMs?: number;
  /** Longest run of a statement before the server cancels it, in milliseconds; 0 is no limit. */
  statementTimeoutMs: number;
}

/** How much longer the client waits for a statement than the server runs it, in milliseconds: the server may hang. */
const GRACE_MS = 5000;

/**
 * Settings that make values readable when they are read back. A role or a database may have other settings, by which
 * numbers are rounded, times are not ISO dates, and names are quoted.
 */
const READABLE =
  "SET extra_float_digits = 1; SET DateStyle = ISO; SET IntervalStyle = postgres; SET quote_all_identifiers = off";

/**
 * Describes a server, or several that stand in for each other; nothing is opened before {@linkcode Database.connect}.
 *
 * A connection goes to the first host that answers and fits; the last host used is tried first. A host that refuses for
 * good, such as a wrong password, ends the search, as in libpq.
 */
export function openPostgres(options: PostgresOptions): Database {
  const { target, schema, connectTimeoutMs = target.connectTimeoutMs ?? 10_000, statementTimeoutMs } = options;
  const shared: ClientConfig = {
    database: target.database,
    user: target.user,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs > 0 ? statementTimeoutMs + GRACE_MS : undefined,
    keepAlive: true,
    application_name: target.applicationName ?? "barline",
  };
  let latest = 0;

  async function enter({ host, port, password }: DatabaseHost, signal?: AbortSignal): Promise<Client> {
    const client = await connectClient({
      ...shared,
      host,
      port,
      password: target.password ?? password ?? lackPassword,
      ssl: tlsOptions(target, host),
    }, signal);
    try {
      // Set here, not in the start-up packet, which poolers such as PgBouncer refuse to pass on.
      await client.query(`SET statement_timeout = ${Math.trunc(statementTimeoutMs)}; ${READABLE}`);
      await checkAttributes(client, target);
      return client;
    } catch (error) {
      cutClient(client);
      throw error;
    }
  }

  const database: Database = {
    label: labelOf(target),
    maxConnections: Infinity,
    names: createNaming(schema),
    statementTimeoutMs,
    // A long configured wait for a connection applies to the first answers, too.
    answerMs: Math.max(ANSWER_MS, connectTimeoutMs),
    supportsCopy: true,
    async connect(signal) {
      const { hosts } = target;
      const failures: Error[] = [];
      const first = latest;
      for (let tried = 0; tried < hosts.length; tried++) {
        const at = (first + tried) % hosts.length;
        try {
          const client = await enter(hosts[at], signal);
          latest = at;
          return client;
        } catch (error) {
          signal?.throwIfAborted();
          if (hosts.length === 1 || classifyDatabaseError(error) !== "transient") throw error;
          failures.push(
            new Error(`${hosts[at].host}:${hosts[at].port}: ${(error as Error).message}`, { cause: error }),
          );
        }
      }
      throw new TransientError(`Cannot find a host that can be used: ${failures.map(messageOf).join("; ")}`, {
        cause: new AggregateError(failures),
      });
    },
    check: (signal) => withClient(database, async (client) => void await client.query("SELECT 1"), signal),
    async cancel(client) {
      const { processID } = client as unknown as { processID: number };
      await withClient(database, (other) => other.query("SELECT pg_cancel_backend($1)", [processID]));
    },
    turn: (fn) => fn(),
    async [Symbol.asyncDispose]() {},
  };
  return database;
}

/** Called if the server asks for a password and none is configured. */
function lackPassword(): never {
  throw new FatalError(
    "Cannot connect: the server asks for a password; set POSTGRES_PASSWORD or PGPASSWORD, or use .pgpass",
  );
}

/** Checks that the server has the attributes that the target asks for. */
async function checkAttributes(client: Client, { sessionAttributes }: DatabaseTarget): Promise<void> {
  if (sessionAttributes === "any") return;
  const { rows: [{ standby, read_only }] } = await client.query(
    "SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only",
  );
  if (sessionAttributes === "primary" ? standby : read_only) {
    throw new TransientError(standby ? "it is a standby" : "it can only be read");
  }
}

const messageOf = ({ message }: Error) => message;

/** Connects a client. Later errors do not end the process: the client's queries throw them. */
export async function connectClient(config: ClientConfig, signal?: AbortSignal): Promise<Client> {
  signal?.throwIfAborted();
  const client = new Client(config);
  client.on("error", () => {});
  const cut = () => cutClient(client);
  signal?.addEventListener("abort", cut, { once: true });
  client.once("end", () => signal?.removeEventListener("abort", cut));
  try {
    const connected = client.connect();
    // The driver may not notice a cut before the connection exists.
    await (signal === undefined ? connected : abortable(connected, signal));
  } catch (error) {
    client.end().catch(() => {});
    signal?.throwIfAborted();
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

/** TLS options of the modes of `sslmode`, by libpq's definition: `require` encrypts and verifies nothing. */
function tlsOptions(target: DatabaseTarget, host: string): ClientConfig["ssl"] {
  // Unix sockets are never encrypted.
  if (target.sslmode === "disable" || host.startsWith("/")) return false;
  const ca = target.sslrootcert === undefined ? undefined : Deno.readTextFileSync(target.sslrootcert);
  if (target.sslmode === "require") return { rejectUnauthorized: false };
  if (target.sslmode === "verify-ca") return { ca, checkServerIdentity: () => undefined };
  return { ca };
}

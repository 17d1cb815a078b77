/**
 * Classifies PostgreSQL errors of a write by their SQLSTATE (PostgreSQL documentation, appendix A).
 *
 * @module
 */
import type { Fault } from "../events.ts";
import { adviseOnRight } from "./schema/advice.ts";

/** SQLSTATE, in a class of Barline's own, of a write to a schema that a newer program has migrated. */
export const NEWER_SCHEMA = "BL002";
/**
 * SQLSTATE, in the same class, of a write for a load of files that is being undone, or that the database does not have.
 */
export const CLOSED_LOAD = "BL003";

/**
 * The longest match wins. Transient: connections, rollbacks, resources, locks, interventions of an operator, a server
 * that is read-only because it is a standby in a failover, system errors. Poison: complaints about a value, and
 * constraints.
 */
const FAULTS: Record<string, Fault> = {
  "08": "transient",
  "25": "transient",
  "40": "transient",
  "53": "transient",
  "55": "transient",
  "57": "transient",
  "58": "transient",
  "21": "poison",
  "22": "poison",
  "23": "poison",
  "27": "poison",
  "44": "poison",
  "54": "poison",
  "P0": "poison",
  // Integrity of the transaction itself, not of a value.
  "40002": "poison",
  // The ids of series are used up, which is not the fault of a record.
  "2200H": "fatal",
  // Barline's own class: the ids of series changed once more while they were being read again.
  "BL": "transient",
  [NEWER_SCHEMA]: "fatal",
  // The database was dropped: waiting does not bring it back.
  "57P04": "fatal",
};

/**
 * Advice about tables in which no row can be stored, by the function of the server that refuses it. A SQLSTATE alone
 * does not suffice: 55000 is also a database that is closed for a while, 23514 also a value.
 */
const SET_UPS: Readonly<Record<string, string>> = {
  CheckCmdReplicaIdentity:
    "Run `ALTER TABLE … REPLICA IDENTITY DEFAULT` for the table, or take it out of the publication.",
  ExecCheckIndexConstraints: "Make the primary key of the table again without DEFERRABLE.",
  ExecFindPartition: "Create the partition that is missing, and a DEFAULT partition for all other times.",
};

/**
 * The message of PgBouncer in a mode that gives each statement another session: nothing of several statements works.
 */
const STATEMENT_POOLING = "transaction blocks not allowed in statement pooling mode";

function adviseOnSetUp(error: unknown): string | undefined {
  const state = sqlState(error);
  if (state === "08P01" && (error as Error).message.includes(STATEMENT_POOLING)) {
    return "Set pool_mode to transaction or session for the database in PgBouncer.";
  }
  const { routine } = error as { routine?: string };
  return state === "55000" || state === "23514" ? SET_UPS[routine ?? ""] : undefined;
}

/** An outage that no server reports with a SQLSTATE: waiting may end it. */
export class TransientError extends Error {
  override name = "TransientError";
}

/** A database could not be prepared, before any record was read or written; `cause` has the reason. */
export class PrepareError extends Error {
  override name = "PrepareError";
}

/** A fault that waiting cannot mend; its message says what to do. */
export class FatalError extends Error {
  override name = "FatalError";
}

/** Codes of sockets and of name resolution. `ENOENT` is a Unix socket whose server does not run. */
const OUTAGES = new Set(
  ("ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ENOTCONN ENOENT ENOTFOUND EAI_AGAIN EAI_NODATA EHOSTUNREACH " +
    "EHOSTDOWN ENETUNREACH ENETDOWN ENETRESET EADDRNOTAVAIL EMFILE ENFILE ENOBUFS ENOMEM").split(" "),
);

/** Names of the runtime's socket errors, some without a code. */
const OUTAGE_NAMES = new Set(
  "ConnectionRefused ConnectionReset ConnectionAborted BrokenPipe TimedOut NotConnected UnexpectedEof TimeoutError"
    .split(" "),
);

/** Messages of the driver and of TLS about a broken connection, or a peer with another protocol. */
const BROKEN =
  /^(Connection terminated|timeout expired|Query read timeout|Client (was closed|has encountered)|[Rr]eceived (unexpected|invalid)|There was an error establishing|The connection was given up|(tls|TLS) handshake eof|peer closed|socket hang up|Client network socket)/;

/**
 * Classifies an error of a database write, by the table of SQLSTATEs. Without one only the known errors of connections
 * are transient. Everything else is fatal: rights, missing objects, authentication, a server without TLS, a defect.
 */
export function classifyDatabaseError(error: unknown): Fault {
  const state = sqlState(error);
  if (state === undefined) return isOutage(error) ? "transient" : "fatal";
  if (adviseOnSetUp(error) !== undefined) return "fatal";
  return FAULTS[state] ?? FAULTS[state.slice(0, 2)] ?? "fatal";
}

function isOutage(error: unknown): boolean {
  if (error instanceof TransientError) return true;
  if (error instanceof AggregateError) return error.errors.every(isOutage);
  if (!(error instanceof Error)) return false;
  const { code, syscall, name, message } = error as Error & { code?: unknown; syscall?: unknown };
  // For some errors of a socket whose peer is gone the runtime only has `write UNKNOWN`.
  if (code === "UNKNOWN") return typeof syscall === "string";
  return typeof code === "string" ? OUTAGES.has(code) : OUTAGE_NAMES.has(name) || BROKEN.test(message);
}

/** The SQLSTATE of an error that a server sent; `undefined` for any other error. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

/** Whether the connection that returned this error must not be used again. */
export function breaksConnection(error: unknown): boolean {
  const state = sqlState(error);
  // 25 is read-only, or a failed transaction: a new connection to the same address may lead to the new primary.
  return state === undefined || ["08", "25", "57", "58"].includes(state.slice(0, 2));
}

/** Whether the server's certificate was rejected. Deno 2.7 gives such an error no code. */
function isTlsError(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === "string"
    ? /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY))/.test(code)
    : typeof message === "string" && message.startsWith("invalid peer certificate");
}

/** Advice on an error of connecting or of setting up, as a sentence to append; empty without advice. */
export function adviseOnDatabaseError(error: unknown): string {
  const setUp = adviseOnSetUp(error);
  if (setUp !== undefined) return setUp;
  const state = sqlState(error);
  if (state === "23502") return "Give the column a default, or drop it.";
  if (state === "28P01" || state === "28000") return "Check user and password (POSTGRES_USER, POSTGRES_PASSWORD).";
  if (state === "3D000") return "Create the database, or name another (POSTGRES_DB).";
  if (state === "42501") {
    const { message, routine } = error as Error & { routine?: string };
    return adviseOnRight(message, routine) ??
      "Grant the user CREATE on the schema, or run `barline migrate` once as a user who may.";
  }
  if (state === NEWER_SCHEMA) return "Use the newer program.";
  if (state === "53300") return "Raise max_connections of the server, or use fewer --workers.";
  if (state?.startsWith("42")) {
    return "Run `barline migrate`, which makes what is missing, and `barline doctor` for the rest.";
  }
  const { code } = error as { code?: unknown };
  if (code === "ECONNREFUSED") return "Start the server, or correct host and port.";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "Correct the host name, or repair name resolution.";
  if (isTlsError(error)) return adviseOnCertificate(`${code} ${(error as Error).message}`);
  if (error instanceof Error && error.message === NO_TLS) return "Turn TLS on at the server, or use --sslmode disable.";
  if (code === "ETIMEDOUT") return "Check network, firewall and the load of the server.";
  return "";
}

/** The driver's message about a server without TLS. */
const NO_TLS = "The server does not support SSL connections";

function adviseOnCertificate(error: string): string {
  if (/expired/i.test(error)) return "Renew the server's certificate, or set the clock of this machine.";
  if (/altname|not ?valid ?for ?name/i.test(error)) {
    return "Name the host as in the server's certificate, or let --sslmode verify-ca look at the authority alone.";
  }
  return "Name the authority that vouches for the server: --sslrootcert PATH.";
}
